// Injection, reference: shared and own keys, dx in place of dy, no key gradient; the two policies by hand.
#include "spankey/backend/reference/inject.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "spankey/inject/additive.hpp"
#include "spankey/inject/multiplicative.hpp"

using kernels = spankey::inject_kernels<spankey::backend::reference, double>;

TEST_CASE("reference inject: additive, one key for all samples or one each") {
  const std::vector<double> x{1, 2, 3, 4}, k{10, 20, 30, 40};
  std::vector<double> y(4);
  const spankey::additive injector{0.5F};
  kernels::forward(injector, 2, 2, x.data(), {k.data(), 0}, y.data());
  CHECK(y == std::vector<double>{6, 12, 8, 14});
  kernels::forward(injector, 2, 2, x.data(), {k.data(), 2}, y.data());
  CHECK(y == std::vector<double>{6, 12, 18, 24});
  std::vector<double> dy{1, 2, 3, 4}, dk(4);
  kernels::backward(injector, 2, 2, x.data(), {k.data(), 0}, dy.data(), dy.data(), dk.data());
  CHECK(dy == std::vector<double>{1, 2, 3, 4});
  CHECK(dk == std::vector<double>{0.5, 1, 1.5, 2});  // one row per sample even for a shared key
}

TEST_CASE("reference inject: multiplicative, inside and outside the bounds") {
  const double t = std::tanh(0.25);
  const std::vector<double> x{3, 3, 3}, k{0.25, 5, -5};
  std::vector<double> y(3), dx(3), dk(3);
  const spankey::multiplicative injector{2.0F};
  kernels::forward(injector, 1, 3, x.data(), {k.data(), 0}, y.data());
  CHECK(y[0] == doctest::Approx(3 * (1 + 2 * t)));
  CHECK(y[1] == doctest::Approx(6));    // multiplier at most 2
  CHECK(y[2] == doctest::Approx(0.3));  // and at least 0.1
  std::vector<double> dy{7, 7, 7};
  kernels::backward(injector, 1, 3, x.data(), {k.data(), 0}, dy.data(), dx.data(), dk.data());
  CHECK(dx[0] == doctest::Approx(7 * (1 + 2 * t)));
  CHECK(dx[1] == doctest::Approx(14));
  CHECK(dx[2] == doctest::Approx(0.7));
  CHECK(dk[0] == doctest::Approx(7 * 3 * 2 * (1 - t * t)));
  CHECK(dk[1] == 0);
  CHECK(dk[2] == 0);
  kernels::backward(injector, 1, 3, x.data(), {k.data(), 0}, dy.data(), dy.data(), nullptr);
  CHECK(dy == dx);
}
