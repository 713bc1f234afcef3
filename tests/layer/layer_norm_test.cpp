#include "spankey/layer/layer_norm.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "../testing/layer_probe.hpp"

using namespace spankey;

namespace {
using image = shape<5, 2, 3>;
using norm = layer_norm<image, backend::reference, double>;

// Without a trained scale.
class bare : public shaped<layer_norm_layer<backend::reference, double>, image, image> {
 public:
  bare() : shaped(extents_of<image>, layer_norm_options{.epsilon = 0.1, .scale = false}) {}
};

class rms : public shaped<layer_norm_layer<backend::reference, double>, image, image> {
 public:
  rms() : shaped(extents_of<image>, layer_norm_options{.epsilon = 1e-2, .centred = false}) {}
};
}  // namespace

TEST_CASE("layer_norm: gradients of x, weight and bias, groups or not") {
  SUBCASE("trained scale") {
    test::layer_probe<norm> probe(2);
    test::check_layer(probe);
  }
  SUBCASE("without, another epsilon, three groups") {
    test::layer_probe<bare> probe(3, {.groups = 3, .training = true});
    test::check_layer(probe);
  }
  SUBCASE("an RMS norm") {
    test::layer_probe<rms> probe(2);
    test::check_layer(probe);
  }
}

TEST_CASE("layer_norm: an RMS norm divides by the root of the mean of squares, and has a weight alone") {
  rms layer;
  const arena memory(layer, 1);
  std::fill_n(layer.weight.value.data, 5, 2.0);
  const auto x = test::numbers(image::size, 4, -5, 9);
  const auto y = layer.forward({}, {x.data(), 1});
  for (std::size_t row = 0; row < 6; ++row) {
    double squares = 0;
    for (std::size_t c = 0; c < 5; ++c) squares += x[row * 5 + c] * x[row * 5 + c];
    for (std::size_t c = 0; c < 5; ++c)
      CHECK(y.data()[row * 5 + c] == doctest::Approx(2 * x[row * 5 + c] / std::sqrt(squares / 5 + 1e-2)));
  }
  std::size_t parameters = 0;
  layer.for_each_parameter([&](const scope&, auto&) { ++parameters; }, scope{});
  CHECK(parameters == 1);
}

TEST_CASE("layer_norm: every position has mean 0 and variance 1 over its channels, then weight and bias") {
  norm layer;
  const arena memory(layer, 2);
  std::fill_n(layer.weight.value.data, 5, 2.0);
  std::fill_n(layer.bias_vector.value.data, 5, 3.0);
  const auto x = test::numbers(2 * image::size, 4, -5, 9);
  for (const bool training : {true, false}) {  // the same in both
    const auto y = layer.forward({.training = training}, {x.data(), 2});
    for (index_t row = 0; row < 2 * 6; ++row) {
      double sum = 0, squares = 0;
      for (index_t c = 0; c < 5; ++c) {
        const double v = (y.data()[row * 5 + c] - 3) / 2;
        sum += v, squares += v * v;
      }
      CHECK(sum / 5 == doctest::Approx(0));
      CHECK(squares / 5 == doctest::Approx(1).epsilon(1e-3));  // epsilon beside the variance
    }
  }
}

TEST_CASE("layer_norm: names are PyTorch's; no scale, no parameters") {
  std::vector<std::string> names;
  const auto collect = [&](const scope& name, auto&) { names.push_back(name.str()); };
  norm layer;
  layer.for_each_parameter(collect, scope{nullptr, "ln1"});
  bare other;
  other.for_each_parameter(collect, scope{nullptr, "ln2"});
  CHECK(names == std::vector<std::string>{"ln1.weight", "ln1.bias"});
}
