#include "spankey/inject/multiplicative.hpp"

#include <doctest/doctest.h>

#include <cmath>

using namespace spankey;

TEST_CASE("multiplicative: y = x clamp(1 + gamma tanh k, 0.1, 2)") {
  CHECK(Injector<multiplicative>);
  const multiplicative policy{2.0F};
  CHECK(policy.forward(3.0, 0.0) == 3.0);
  CHECK(policy.forward(3.0, 0.25) == doctest::Approx(3 * (1 + 2 * std::tanh(0.25))));
  CHECK(policy.forward(3.0, 0.6) == 6.0);
  CHECK(policy.forward(-3.0, 50.0) == -6.0);
  CHECK(policy.forward(3.0, -0.6) == 3.0 * 0.1);
  CHECK(policy.forward(3.0, -50.0) == 3.0 * 0.1);
  CHECK(std::isnan(policy.forward(3.0, std::nan(""))));
}

TEST_CASE("multiplicative: gradients agree with central differences inside the clamp; dk is 0 outside") {
  const multiplicative policy{1.5F};
  for (double k = -2; k <= 2; k += 0.19) {
    INFO("k ", k);
    const double x = 1.7, dy = -0.8, h = 1e-6;
    const auto g = policy.backward(x, k, dy);
    CHECK(g.dx == doctest::Approx(dy * policy.forward(1.0, k)));
    const double numeric = dy * (policy.forward(x, k + h) - policy.forward(x, k - h)) / (2 * h);
    CHECK(g.dk == doctest::Approx(numeric).epsilon(1e-6));
    const double m = 1 + 1.5 * std::tanh(k);
    CHECK((g.dk == 0) == (m < 0.1 || m > 2));
  }
}

TEST_CASE("multiplicative: the same in float, to its rounding") {
  const multiplicative policy{2.0F};
  for (float k = -1; k < 1; k += 0.1F) {
    CHECK(static_cast<double>(policy.forward(1.3F, k)) ==
          doctest::Approx(policy.forward(1.3, static_cast<double>(k))).epsilon(1e-6));
  }
}
