// The linear map on the CPU agrees with reference<double>: one sample to several blocks, no bias, += twice.
#include "spankey/backend/cpu/linear.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "agreement.hpp"
#include "spankey/backend/reference/linear.hpp"

namespace {

using namespace agreement;
using spankey::linear_problem;
using kernels = spankey::linear_kernels<spankey::backend::cpu, float>;
using reference = spankey::linear_kernels<spankey::backend::reference, double>;

void check_agreement(const linear_problem& p, bool with_bias) {
  CAPTURE(p.samples);
  CAPTURE(p.in);
  CAPTURE(p.out);
  CAPTURE(with_bias);
  // Rounding of sums as long as these.
  const double tolerance =
      3e-7 * std::sqrt(static_cast<double>(std::max({p.samples, p.in, p.out, index_t{9}})));
  const std::vector<float> x = values(p.samples * p.in, 1), w = values(p.in * p.out, 2, 0, 0.2),
                           b = values(p.out, 3), dy = values(p.samples * p.out, 4);
  const std::vector<double> wide_x = widened(x), wide_w = widened(w), wide_b = widened(b),
                            wide_dy = widened(dy);
  std::vector<float> y(dy.size(), 9.0F), dx(x.size(), 9.0F), dw(w.size(), 0.5F), db(b.size(), 0.25F),
      scratch(static_cast<std::size_t>(kernels::scratch_size(p)));
  std::vector<double> expected_y(dy.size()), expected_dx(x.size()), expected_dw(w.size(), 0.5),
      expected_db(b.size(), 0.25);
  kernels::forward(p, x.data(), w.data(), with_bias ? b.data() : nullptr, y.data(), scratch.data());
  reference::forward(p, wide_x.data(), wide_w.data(), with_bias ? wide_b.data() : nullptr, expected_y.data(),
                     nullptr);
  CHECK(difference(y, expected_y) < tolerance);
  kernels::backward_data(p, dy.data(), w.data(), dx.data(), scratch.data());
  reference::backward_data(p, wide_dy.data(), wide_w.data(), expected_dx.data(), nullptr);
  CHECK(difference(dx, expected_dx) < tolerance);
  for (int run = 0; run < 2; ++run) {  // gradients of weights accumulate
    kernels::backward_weights(p, x.data(), dy.data(), dw.data(), with_bias ? db.data() : nullptr,
                              scratch.data());
    reference::backward_weights(p, wide_x.data(), wide_dy.data(), expected_dw.data(),
                                with_bias ? expected_db.data() : nullptr, nullptr);
    CHECK(difference(dw, expected_dw) < 3 * tolerance);
    CHECK(difference(db, expected_db) < 3 * tolerance);
  }
}

}  // namespace

TEST_CASE("linear: awkward shapes") {
  for_each_isa([] {
    for (const index_t samples : {0, 1, 3, 17})
      for (const index_t in : {1, 5, 64, 65})
        for (const index_t out : {1, 3, 10, 17})
          for (const bool with_bias : {true, false}) check_agreement({samples, in, out}, with_bias);
  });
}

namespace {

// The bf16 map against the exact one on the same rounded operands; Y is what y and dy are stored in.
template <class Y>
void check_bf16(const linear_problem& p) {
  using spankey::bf16;
  using map = spankey::linear_kernels<spankey::backend::cpu, bf16>;
  CAPTURE(p.samples);
  CAPTURE(p.in);
  CAPTURE(p.out);
  const auto rounded = [](const std::vector<float>& v) {
    std::vector<bf16> narrow;
    for (const float f : v) narrow.push_back(bf16(f));
    return narrow;
  };
  const auto exact = [](const auto& v) {
    std::vector<double> wide;
    for (const auto f : v) wide.push_back(static_cast<double>(static_cast<float>(f)));
    return wide;
  };
  const auto floats = [](const auto& v) {
    std::vector<float> wide;
    for (const auto f : v) wide.push_back(static_cast<float>(f));
    return wide;
  };
  const std::vector<float> w = values(p.in * p.out, 2, 0, 0.2), b = values(p.out, 3);
  const std::vector<bf16> x = rounded(values(p.samples * p.in, 1)), seen_w = rounded(w);
  const std::vector<float> dy = floats(rounded(values(p.samples * p.out, 4)));
  std::vector<Y> y(dy.size()), dy_given;
  for (const float f : dy) dy_given.push_back(static_cast<Y>(f));
  std::vector<bf16> dx(x.size());
  std::vector<float> dw(w.size(), 0.5F), db(b.size(), 0.25F),
      scratch(static_cast<std::size_t>(map::scratch_size(p)));
  std::vector<double> expected_y(dy.size()), expected_dx(x.size()), expected_dw(w.size(), 0.5),
      expected_db(b.size(), 0.25);
  const std::vector<double> wide_x = exact(x), wide_w = exact(seen_w), wide_b = exact(b), wide_dy = exact(dy);
  const double sums = 1e-6 * std::sqrt(static_cast<double>(std::max({p.samples, p.in, p.out})));
  const double stored = std::is_same_v<Y, float> ? sums : 1.0 / 256;

  map::forward(p, x.data(), w.data(), b.data(), y.data(), scratch.data());
  reference::forward(p, wide_x.data(), wide_w.data(), wide_b.data(), expected_y.data(), nullptr);
  CHECK(difference(floats(y), expected_y) <= stored);
  map::backward_data(p, dy_given.data(), w.data(), dx.data(), scratch.data());
  reference::backward_data(p, wide_dy.data(), wide_w.data(), expected_dx.data(), nullptr);
  CHECK(difference(floats(dx), expected_dx) <= 1.0 / 256);
  map::backward_weights(p, x.data(), dy_given.data(), dw.data(), db.data(), scratch.data());
  reference::backward_weights(p, wide_x.data(), wide_dy.data(), expected_dw.data(), expected_db.data(),
                              nullptr);
  CHECK(difference(dw, expected_dw) <= 3 * sums);
  CHECK(difference(db, expected_db) <= 3 * sums);
}

}  // namespace

TEST_CASE("linear, bf16: awkward shapes, logits in float or bf16, on every instruction set") {
  for_each_isa([] {
    for (const index_t samples : {1, 3, 17})
      for (const index_t in : {1, 5, 64, 513})
        for (const index_t out : {1, 3, 11, 130}) {
          check_bf16<float>({samples, in, out});
          check_bf16<spankey::bf16>({samples, in, out});
        }
  });
}

TEST_CASE("linear: several blocks in both directions") {
  check_agreement({130, 300, 270}, true);
  check_agreement({1, 300, 600}, true);
  check_agreement({65, 64, 257}, false);
}

TEST_CASE("linear: the same bits for any number of threads") {
  check_thread_independence([] {
    const linear_problem p{150, 333, 290};
    std::vector<float> scratch(static_cast<std::size_t>(kernels::scratch_size(p)));
    const std::vector<float> x = values(p.samples * p.in, 1), w = values(p.in * p.out, 2);
    std::vector<float> y(static_cast<std::size_t>(p.samples * p.out)), dx(x.size()), dw(w.size()),
        db(static_cast<std::size_t>(p.out));
    kernels::forward(p, x.data(), w.data(), nullptr, y.data(), scratch.data());
    kernels::backward_data(p, y.data(), w.data(), dx.data(), scratch.data());
    kernels::backward_weights(p, x.data(), y.data(), dw.data(), db.data(), scratch.data());
    for (const auto* part : {&dx, &dw, &db}) y.insert(y.end(), part->begin(), part->end());
    return y;
  });
}
