// Keys that are matrices over the channels. Costs 15 s to compile.
#include "spankey/inject/entangling.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <vector>

#include "error_probe.hpp"
#include "inject/injector_probe.hpp"
#include "spankey/backend/cpu/cpu.hpp"
#include "spankey/backend/reference/reference.hpp"
#include "spankey/core/bf16.hpp"
#include "spankey/inject/runtime.hpp"
#include "spankey/model/sized_model.hpp"
#include "spankey/model/small_resnet.hpp"

using namespace spankey;
using spankey_test::drawn;

namespace {

constexpr layer_list mixing(head_outputs outputs) {
  layer_list net("mixing", {3, 4, 5});
  net.conv2d("conv", 5, {.bias = bias::learned}).relu("relu").site(0, key_shape::matrix);
  return net.conv2d("last", 2).head("fc", outputs);
}
template <class Backend, class T>
using network = model_of<mixing, 3, gate<entangling, at<0>>, Backend, T>;

constexpr layer_list mixed_resnet(head_outputs outputs) {
  layer_list net = small_resnet_layers(outputs);
  return net.give_keys(key_shape::matrix);
}
template <class Backend, class T>
using resnet = model_of<mixed_resnet, 10, gate<entangling, at<1, 3>>, Backend, T>;

template <class T>
std::vector<T> as(const std::vector<double>& from) {
  std::vector<T> to(from.size());
  std::transform(from.begin(), from.end(), to.begin(),
                 [](double v) { return static_cast<T>(static_cast<float>(v)); });
  return to;
}

// Formulas of the header, sum by sum, in double.
template <class T>
void check_against_sums(index_t channels, index_t positions, double tolerance) {
  const site_geometry site{channels, positions, key_shape::matrix};
  const auto x = as<T>(drawn(site.size(), 1)), dy = as<T>(drawn(site.size(), 2));
  const auto k = as<float>(drawn(site.key_size(), 3));
  std::vector<T> y(x.size()), dx(x.size());
  std::vector<float> dk(k.size(), 7.0F);  // overwritten
  entangling{}.forward(site, x.data(), k.data(), y.data());
  entangling{}.backward(site, x.data(), k.data(), dy.data(), dx.data(), dk.data());
  const auto number = [](const auto& from, index_t i) {
    return static_cast<double>(static_cast<float>(from[static_cast<std::size_t>(i)]));
  };
  double worst = 0;
  const auto compare = [&](double got, double want) {
    worst = std::max(worst, std::abs(got - want) / (1 + std::abs(want)));
  };
  for (index_t p = 0; p < positions; ++p)
    for (index_t i = 0; i < channels; ++i) {
      double forward = 0, back = 0;
      for (index_t j = 0; j < channels; ++j) {
        forward += number(k, i * channels + j) * number(x, p * channels + j);
        back += number(k, j * channels + i) * number(dy, p * channels + j);
      }
      compare(number(y, p * channels + i), forward);
      compare(number(dx, p * channels + i), back);
    }
  for (index_t i = 0; i < channels; ++i)
    for (index_t j = 0; j < channels; ++j) {
      double sum = 0;
      for (index_t p = 0; p < positions; ++p)
        sum += number(dy, p * channels + i) * number(x, p * channels + j);
      compare(number(dk, i * channels + j), sum);
    }
  CHECK(worst < tolerance);
  std::vector<T> again(dx.size());
  entangling{}.backward(site, x.data(), k.data(), dy.data(), again.data(), static_cast<float*>(nullptr));
  CHECK(std::equal(dx.begin(), dx.end(), again.begin(),
                   [](T a, T b) { return static_cast<float>(a) == static_cast<float>(b); }));
}

std::vector<double> unit(index_t channels) {
  std::vector<double> k(static_cast<std::size_t>(channels * channels));
  for (index_t i = 0; i < channels; ++i) k[static_cast<std::size_t>(i * channels + i)] = 1;
  return k;
}

}  // namespace

TEST_CASE("entangling: every formula, at awkward shapes") {
  for (const index_t channels : {1, 3, 15, 16, 17, 33, 64})
    for (const index_t positions : {1, 7}) {
      CAPTURE(channels);
      CAPTURE(positions);
      check_against_sums<float>(channels, positions, 3e-6);
      check_against_sums<bf16>(channels, positions, 8e-3);
    }
}

TEST_CASE("entangling: gradients of keys and of what lies before the site") {
  for (const index_t n : {1, 3, 17})
    for (const bool shared : {false, true}) {
      CAPTURE(n);
      CAPTURE(shared);
      network<backend::reference, double> model;
      spankey_test::check_injector_gradients(model, n, shared);
    }
}

TEST_CASE("entangling: both backends of the host agree") {
  for (const index_t n : {1, 3, 17}) {
    network<backend::reference, float> reference;
    network<backend::cpu, float> cpu;
    spankey_test::check_injector_agreement(reference, cpu, n, false);
  }
}

TEST_CASE("entangling: a residual network is trained behind matrices, and the unit matrix is no key") {
  using model_type = resnet<backend::cpu, float>;
  static_assert(model_type::sites[1] == extents{32 * 32, 1, 1} &&
                model_type::sites[3] == extents{128 * 128, 1, 1});
  const auto model = std::make_unique<model_type>();
  const index_t n = 6;
  const arena memory(*model, n);
  initialise(*model, 1);
  const auto x = as<float>(drawn(n * 784, 1));
  const auto logits = [&](std::span<const site_keys<float>> with) {
    const float* z = model->forward(pass{}, x.data(), n, with);
    return std::vector<float>(z, z + n * 10);
  };
  const auto of_1 = as<float>(unit(32)), of_3 = as<float>(unit(128));
  std::array<site_keys<float>, 4> keys;
  keys[1].group[0] = {of_1, 0};
  keys[3].group[0] = {of_3, 0};
  CHECK(logits(keys) == logits({}));

  // One step down the gradient lowers the loss under these keys.
  const auto drawn_1 = as<float>(drawn(32 * 32, 2)), drawn_3 = as<float>(drawn(128 * 128, 3));
  keys[1].group[0] = {drawn_1, 0};
  keys[3].group[0] = {drawn_3, 0};
  const pass p{.training = true};
  const std::vector<double> r = drawn(n * 10, 4);
  const auto loss = [&] {
    const float* z = model->forward(p, x.data(), n, keys);
    double sum = 0;
    for (std::size_t i = 0; i < r.size(); ++i) sum += r[i] * static_cast<double>(z[i]);
    return sum;
  };
  const double before = loss();
  std::transform(r.begin(), r.end(), model->logit_gradient(n).data(),
                 [](double v) { return static_cast<float>(v); });
  model->backward(p, n);
  double length = 0;
  model->for_each_parameter([&](const scope&, auto& w) {
    for (index_t i = 0; i < w.dims.size(); ++i)
      length += std::pow(static_cast<double>(w.gradient.data[i]), 2);
  });
  REQUIRE(length > 0);
  const double step = 1e-3 * std::abs(before) / length;
  model->for_each_parameter([&](const scope&, auto& w) {
    for (index_t i = 0; i < w.dims.size(); ++i)
      w.value.data[i] -= static_cast<float>(step * static_cast<double>(w.gradient.data[i]));
  });
  CHECK(loss() < before - 5e-4 * std::abs(before));
}

TEST_CASE("keys of a matrix are refused by injectors of elements") {
  layer_list net("mixed", {4, 3, 3});
  net.site(0, key_shape::matrix).conv2d("conv", 4).head("fc", 3);
  using by_element = sized_model<runtime, backend::reference, float>;
  spankey_test::check_refused([&] { (void)std::make_unique<by_element>(net); }, "inject.106", {"gate0"});
  layer_list other("by_channel", {4, 3, 3});
  other.site(0, key_shape::channel).conv2d("conv", 4).head("fc", 3);
  using by_matrix = sized_model<entangling, backend::reference, float>;
  spankey_test::check_refused([&] { (void)std::make_unique<by_matrix>(other); }, "inject.106", {"gate0"});
  CHECK(std::make_unique<by_matrix>(net)->layers().size() == 3);
}
