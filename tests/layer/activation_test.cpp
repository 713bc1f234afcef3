#include "spankey/layer/activation.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "../testing/layer_probe.hpp"

using namespace spankey;

TEST_CASE("relu: gradient of x, with both signs present") {
  test::layer_probe<relu<shape<3, 2, 4>, backend::reference, double>> probe(3);
  const auto y = probe.forward();
  index_t zeros = 0;
  for (index_t i = 0; i < y.size(); ++i) zeros += y.data()[i] == 0 ? 1 : 0;
  REQUIRE(zeros > 0);
  REQUIRE(zeros < y.size());
  test::check_layer(probe);
}

TEST_CASE("relu: y = max(x, 0); the gradient at 0 is 0; a NaN is not hidden") {
  relu<shape<5>, backend::reference, double> layer;
  arena memory(layer, 1);
  const std::vector<double> x = {-2, 0, 3, std::numeric_limits<double>::quiet_NaN(), -0.0};
  const auto y = layer.forward({}, {x.data(), 1});
  CHECK(y(0, 0) == 0);
  CHECK(y(0, 1) == 0);
  CHECK(y(0, 2) == 3);
  CHECK(std::isnan(y(0, 3)));
  CHECK(y(0, 4) == 0);
  std::vector<double> dy = {1, 1, 1, 1, 1};
  layer.backward({}, {dy.data(), 1});
  CHECK(dy[0] == 0);
  CHECK(dy[1] == 0);
  CHECK(dy[2] == 1);
  CHECK(dy[4] == 0);
}

TEST_CASE("gelu, silu: gradient of x, with both signs present") {
  SUBCASE("gelu") {
    test::layer_probe<activated<shape<3, 2, 4>, activation::gelu, backend::reference, double>> probe(3);
    test::check_layer(probe);
  }
  SUBCASE("gelu by tanh") {
    test::layer_probe<activated<shape<3, 2, 4>, activation::gelu_tanh, backend::reference, double>> probe(3);
    test::check_layer(probe);
  }
  SUBCASE("silu") {
    test::layer_probe<activated<shape<3, 2, 4>, activation::silu, backend::reference, double>> probe(3);
    test::check_layer(probe);
  }
}

TEST_CASE("activation: traits say what backward reads, as the memory plan believes them") {
  const extents sample{2, 1, 1};
  const activation_layer<backend::reference, double> of_y(sample, activation::relu),
      of_x(sample, activation::silu);
  CHECK_FALSE(of_y.traits().reads_x);
  CHECK(of_y.traits().reads_y);
  CHECK(of_x.traits().reads_x);
  CHECK_FALSE(of_x.traits().reads_y);
}
