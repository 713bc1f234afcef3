// Updates on the device agree with reference<double>: SGD and Adam in every variant over several steps, one parameter and
// lists of awkward sizes, values read in device memory, zeroing, the norm.
#include "spankey/backend/cuda/update.hpp"

#include <doctest/doctest.h>

#include <deque>

#include "device_tensor.hpp"
#include "spankey/backend/reference/update.hpp"

namespace {

using namespace agreement;
using device::tensor;
using kernels = spankey::update_kernels<spankey::backend::cuda, float>;
using reference = spankey::update_kernels<spankey::backend::reference, double>;

}  // namespace

TEST_CASE("cuda update: sgd") {
  for (const double momentum : {0.0, 0.9})
    for (const bool nesterov : {false, true})
      for (const index_t count : {1, 255, 10000}) {
        const std::vector<float> g = values(count, 1), w = values(count, 2);
        const tensor<float> on_g(g), on_w(w), on_v(count, 9.0F);
        std::vector<double> ew = widened(w), ev(w.size(), 9.0);
        const std::vector<double> eg = widened(g);
        for (int step = 0; step < 3; ++step) {
          const spankey::sgd_update u{0.1, momentum, 5e-4, nesterov && momentum > 0, step == 0};
          kernels::sgd(u, count, on_g.data(), on_v.data(), on_w.data());
          reference::sgd(u, count, eg.data(), ev.data(), ew.data());
        }
        CHECK(difference(on_w.host(), ew) < 1e-6);
        CHECK(difference(on_v.host(), ev) < 1e-6);
      }
}
TEST_CASE("cuda update: adam") {
  for (const bool decoupled : {false, true})
    for (const double decay : {0.0, 0.01})
      for (const index_t count : {1, 5000}) {
        const std::vector<float> g = values(count, 1), w = values(count, 2);
        const tensor<float> on_g(g), on_w(w), on_m(count, 9.0F), on_v(count, 9.0F);
        std::vector<double> ew = widened(w), em(w.size(), 9.0), ev(w.size(), 9.0);
        const std::vector<double> eg = widened(g);
        for (std::uint64_t step = 1; step <= 3; ++step) {
          const spankey::adam_update u{1e-2, 0.9, 0.999, 1e-8, decay, decoupled, step};
          kernels::adam(u, count, on_g.data(), on_m.data(), on_v.data(), on_w.data());
          reference::adam(u, count, eg.data(), em.data(), ev.data(), ew.data());
        }
        CHECK(difference(on_w.host(), ew) < 2e-6);
        CHECK(difference(on_m.host(), em) < 1e-6);
        CHECK(difference(on_v.host(), ev) < 1e-6);
      }
}
TEST_CASE("cuda update: a list of parameters, its norm, and zeroing") {
  kernels::list list;
  std::deque<tensor<float>> gradients, weights;
  double squares = 0;
  std::vector<std::vector<double>> expected;
  for (const index_t count : {1, 4096, 4097, 64, 100}) {
    const std::vector<float> g = values(count, static_cast<std::uint64_t>(count)), w = values(count, 7);
    gradients.emplace_back(g);
    weights.emplace_back(w);
    list.items[static_cast<std::size_t>(list.size++)] = {count, gradients.back().data(), nullptr, nullptr,
                                                         weights.back().data()};
    squares += reference::squared_norm(count, widened(g).data());
    std::vector<double> e = widened(w);
    for (std::size_t i = 0; i < e.size(); ++i) e[i] -= 0.5 * static_cast<double>(g[i]);
    expected.push_back(e);
  }
  kernels::add_squared_norm(list, true);
  CHECK(kernels::fetched_squared_norm() == doctest::Approx(squares).epsilon(1e-6));
  kernels::add_squared_norm(list, false);
  CHECK(kernels::fetched_squared_norm() == doctest::Approx(2 * squares).epsilon(1e-6));
  kernels::sgd({0.5, 0, 0, false, true}, list);
  for (std::size_t i = 0; i < expected.size(); ++i) CHECK(difference(weights[i].host(), expected[i]) < 1e-6);
  kernels::zero(list);
  for (const auto& g : gradients)
    for (const float v : g.host()) CHECK(v == 0);
  CHECK(kernels::squared_norm(100, weights[4].data()) ==
        doctest::Approx(reference::squared_norm(100, expected[4].data())).epsilon(1e-5));
}
TEST_CASE("cuda update: a rate that is read in device memory") {
  const tensor<float> g(10, 1.0F), v(10, 5.0F), w(10, 0.0F);
  spankey::cuda::set_step_values({.learning_rate = 0.25, .first_step = 1});
  {
    const spankey::cuda::reading_step_values reading;
    kernels::sgd({100, 0.9, 0, false, false}, 10, g.data(), v.data(), w.data());
  }
  CHECK(w.host() == std::vector<float>(10, -0.25F));
  CHECK(v.host() == std::vector<float>(10, 1.0F));
  kernels::sgd({1, 0.5, 0, false, false}, 10, g.data(), v.data(), w.data());
  CHECK(w.host() == std::vector<float>(10, -1.75F));
}
