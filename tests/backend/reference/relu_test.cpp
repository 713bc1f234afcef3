// ReLU, reference: by hand, with zero, NaN and in place.
#include "spankey/backend/reference/relu.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

using kernels = spankey::relu_kernels<spankey::backend::reference, double>;

TEST_CASE("reference relu: values, gradient at zero, NaN stays NaN") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  double x[4] = {-2, 0, 3, nan}, y[4];
  kernels::forward(4, x, y);
  CHECK(y[0] == 0);
  CHECK(y[1] == 0);
  CHECK(y[2] == 3);
  CHECK(std::isnan(y[3]));
  double dy[4] = {10, 20, 30, 40};
  kernels::backward(4, y, dy, dy);
  CHECK(dy[0] == 0);
  CHECK(dy[1] == 0);  // the gradient at zero is zero
  CHECK(dy[2] == 30);
  CHECK(dy[3] == 40);
  kernels::forward(4, x, x);
  CHECK(x[0] == 0);
  CHECK(x[2] == 3);
}
