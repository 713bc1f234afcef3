// Pooling, reference: first maximum, NaN, dropped last row and column, mean and its gradient.
#include "spankey/backend/reference/pool2d.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

using kernels = spankey::pool2d_kernels<spankey::backend::reference, double>;
using spankey::extents;
using spankey::index_t;
using spankey::pool2d_problem;

namespace {
pool2d_problem halving(index_t samples, const extents& in) {
  return {samples, in, {in.channels, in.height / 2, in.width / 2}};
}
}  // namespace

TEST_CASE("reference max pool: ties go to the first maximum in row-major order") {
  const extents in{1, 2, 4};
  const std::vector<double> x{1, 5, 7, 7,  //
                              5, 5, 7, 6};
  std::vector<double> y(2), dx(8, 9);
  kernels::max_forward(halving(1, in), x.data(), y.data());
  CHECK(y == std::vector<double>{5, 7});
  const std::vector<double> dy{10, 20};
  kernels::max_backward(halving(1, in), x.data(), dy.data(), dx.data());
  CHECK(dx == std::vector<double>{0, 10, 20, 0, 0, 0, 0, 0});
}

TEST_CASE("reference max pool: a NaN wins, wherever it is") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (std::size_t place = 0; place < 4; ++place) {
    std::vector<double> x{4, 3, 2, 1}, dx(4);
    x[place] = nan;
    double y = 0;
    kernels::max_forward(halving(1, {1, 2, 2}), x.data(), &y);
    CHECK(std::isnan(y));
    const double dy = 6;
    kernels::max_backward(halving(1, {1, 2, 2}), x.data(), &dy, dx.data());
    for (std::size_t i = 0; i < 4; ++i) CHECK(dx[i] == (i == place ? 6 : 0));
  }
}

TEST_CASE("reference max pool: odd last row and column get no gradient; channels are apart") {
  const extents in{2, 3, 3};
  std::vector<double> x(18), dx(18, 9);
  for (std::size_t i = 0; i < 18; ++i) x[i] = i % 2 == 0 ? static_cast<double>(i) : -static_cast<double>(i);
  std::vector<double> y(2);
  kernels::max_forward(halving(1, in), x.data(), y.data());
  CHECK(y == std::vector<double>{8, -1});  // pixel (1, 1) of channel 0, pixel (0, 0) of channel 1
  const std::vector<double> dy{10, 20};
  kernels::max_backward(halving(1, in), x.data(), dy.data(), dx.data());
  for (std::size_t i = 0; i < 18; ++i) CHECK(dx[i] == (i == 8 ? 10 : i == 1 ? 20 : 0));
}

TEST_CASE("reference max pool: windows that overlap add up, padding is never the maximum") {
  const pool2d_problem p{1, {1, 1, 5}, {1, 1, 3}, 3, 2, 1};
  const std::vector<double> x{-1, -3, -2, -2, -9};
  std::vector<double> y(3), dx(5, 9);
  kernels::max_forward(p, x.data(), y.data());
  CHECK(y == std::vector<double>{-1, -2, -2});
  const std::vector<double> dy{1, 10, 100};
  kernels::max_backward(p, x.data(), dy.data(), dx.data());
  CHECK(dx == std::vector<double>{1, 0, 10, 100, 0});
  const pool2d_problem all{1, {1, 1, 5}, {1, 1, 1}, 6, 4, 0};  // the window ends outside
  kernels::max_forward(all, x.data(), y.data());
  CHECK(y[0] == -1);
  const pool2d_problem outside{1, {1, 1, 5}, {1, 1, 2}, 1, 7, 0};
  kernels::max_forward(outside, x.data(), y.data());
  CHECK(y[1] == -std::numeric_limits<double>::infinity());
  kernels::max_backward(outside, x.data(), dy.data(), dx.data());
  CHECK(dx == std::vector<double>{1, 0, 0, 0, 0});
}

TEST_CASE("reference max pool: -infinity is a maximum like another") {
  const double low = -std::numeric_limits<double>::infinity();
  const std::vector<double> x{low, low, low};
  const double dy = 5;
  std::vector<double> dx(3, 9);
  kernels::max_backward({1, {1, 1, 3}, {1, 1, 1}, 5, 1, 1}, x.data(), &dy, dx.data());
  CHECK(dx == std::vector<double>{5, 0, 0});
}

TEST_CASE("reference mean pool: mean over the pixels of each channel, gradient spread evenly") {
  const std::vector<double> x{1, 10, 2, 20, 3, 30, 6, 60};
  std::vector<double> y(2), dx(8);
  kernels::mean_forward(1, {2, 2, 2}, x.data(), y.data());
  CHECK(y == std::vector<double>{3, 30});
  const std::vector<double> dy{4, 8};
  kernels::mean_backward(1, {2, 2, 2}, dy.data(), dx.data());
  CHECK(dx == std::vector<double>{1, 2, 1, 2, 1, 2, 1, 2});
}
