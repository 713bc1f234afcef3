// Activations, reference: ReLU by hand, with zero, NaN and in place; the others at known points, their gradients against
// differences.
#include "spankey/backend/reference/activation.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

using spankey::activation;
using kernels = spankey::activation_kernels<spankey::backend::reference, double>;

TEST_CASE("reference relu: values, gradient at zero, NaN stays NaN") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  double x[4] = {-2, 0, 3, nan}, y[4];
  kernels::forward(activation::relu, 4, x, y);
  CHECK(y[0] == 0);
  CHECK(y[1] == 0);
  CHECK(y[2] == 3);
  CHECK(std::isnan(y[3]));
  double dy[4] = {10, 20, 30, 40};
  kernels::backward(activation::relu, 4, nullptr, y, dy, dy);
  CHECK(dy[0] == 0);
  CHECK(dy[1] == 0);  // the gradient at zero is zero
  CHECK(dy[2] == 30);
  CHECK(dy[3] == 40);
  kernels::forward(activation::relu, 4, x, x);
  CHECK(x[0] == 0);
  CHECK(x[2] == 3);
}

TEST_CASE("reference gelu, silu: known values") {
  // torch.nn.functional of 1.5 and -2, in float64.
  const double x[2] = {1.5, -2};
  double y[2];
  kernels::forward(activation::gelu, 2, x, y);
  CHECK(y[0] == doctest::Approx(1.399789198096713).epsilon(1e-14));
  CHECK(y[1] == doctest::Approx(-0.04550026389635842).epsilon(1e-14));
  kernels::forward(activation::gelu_tanh, 2, x, y);
  CHECK(y[0] == doctest::Approx(1.3995715769802328).epsilon(1e-14));
  CHECK(y[1] == doctest::Approx(-0.04540230591222494).epsilon(1e-14));
  kernels::forward(activation::silu, 2, x, y);
  CHECK(y[0] == doctest::Approx(1.2263617142904655).epsilon(1e-14));
  CHECK(y[1] == doctest::Approx(-0.2384058440442351).epsilon(1e-14));
}

TEST_CASE("reference activations: gradients are those of the forward pass") {
  for (const activation act :
       {activation::identity, activation::relu, activation::gelu, activation::gelu_tanh, activation::silu})
    for (const double at : {-5.0, -1.25, -0.5, 0.125, 0.75, 3.0, 9.0}) {
      CAPTURE(static_cast<int>(act));
      CAPTURE(at);
      const double h = 1e-4, near[5] = {at - 2 * h, at - h, at, at + h, at + 2 * h}, dy = 3;
      double y[5], dx = 9;
      kernels::forward(act, 5, near, y);
      kernels::backward(act, 1, &at, y + 2, &dy, &dx);
      const double slope = (y[0] - 8 * y[1] + 8 * y[3] - y[4]) / (12 * h);
      CHECK(dx == doctest::Approx(3 * slope).epsilon(1e-9));
    }
}
