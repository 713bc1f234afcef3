#include "spankey/layer/pool2d.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "../testing/layer_probe.hpp"

using namespace spankey;

namespace {
template <class L>
void check(index_t samples) {
  test::layer_probe<L> probe(samples);
  test::check_layer(probe);
}
template <class In>
using max_pool = max_pool2d<In, backend::reference, double>;
template <class In>
using mean_pool = mean_pool2d<In, backend::reference, double>;
}  // namespace

TEST_CASE("max_pool2d: gradient of x; even, odd and smallest images") {
  SUBCASE("even") { check<max_pool<shape<3, 4, 6>>>(2); }
  SUBCASE("odd rows") { check<max_pool<shape<3, 5, 4>>>(2); }
  SUBCASE("odd columns") { check<max_pool<shape<2, 4, 7>>>(2); }
  SUBCASE("both odd") { check<max_pool<shape<3, 7, 5>>>(2); }
  SUBCASE("one window") { check<max_pool<shape<4, 2, 2>>>(3); }
}

TEST_CASE("max_pool2d: largest of four, odd rests dropped, ties go to the first") {
  max_pool<shape<1, 3, 5>> layer;
  arena memory(layer, 1);
  const std::vector<double> x = {-4, -3, 7,  7,  100,  //
                                 -2, -9, 7,  7,  100,  //
                                 90, 90, 90, 90, 100};
  const auto y = layer.forward({}, {x.data(), 1});
  CHECK(std::is_same_v<max_pool<shape<1, 3, 5>>::output, shape<1, 1, 2>>);
  CHECK(y(0, 0, 0, 0) == -2);  // all negative: padding with 0 would show here
  CHECK(y(0, 0, 0, 1) == 7);
  const std::vector<double> dy = {5, 3};
  std::vector<double> dx(x.size(), 8.0);
  layer.backward({}, {dy.data(), 1}, {dx.data(), 1});
  const std::vector<double> expected = {0, 0, 3, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  CHECK(dx == expected);
}

TEST_CASE("mean_pool2d: gradient of x; square and odd images") {
  SUBCASE("square") { check<mean_pool<shape<5, 4, 4>>>(2); }
  SUBCASE("odd") { check<mean_pool<shape<3, 7, 3>>>(2); }
  SUBCASE("one pixel") { check<mean_pool<shape<3>>>(2); }
}

TEST_CASE("mean_pool2d: mean of each channel") {
  mean_pool<shape<2, 2, 2>> layer;
  arena memory(layer, 2);
  const std::vector<double> x = {1, 10, 2, 20, 3, 30, 6, 40, -1, 0, -1, 0, -1, 0, -1, 4};
  const auto y = layer.forward({}, {x.data(), 2});
  CHECK(y(0, 0) == 3);
  CHECK(y(0, 1) == 25);
  CHECK(y(1, 0) == -1);
  CHECK(y(1, 1) == 1);
}
