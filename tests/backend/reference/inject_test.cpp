// Injection, reference: shared and own keys, a number an element, a channel or a token, dx in place of dy,
// no key gradient; the two policies by hand.
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
  kernels::forward(injector, 2, {2, 1}, x.data(), {k.data(), 0}, y.data());
  CHECK(y == std::vector<double>{6, 12, 8, 14});
  kernels::forward(injector, 2, {2, 1}, x.data(), {k.data(), 2}, y.data());
  CHECK(y == std::vector<double>{6, 12, 18, 24});
  std::vector<double> dy{1, 2, 3, 4}, dk(4);
  kernels::backward(injector, 2, {2, 1}, x.data(), {k.data(), 0}, dy.data(), dy.data(), dk.data());
  CHECK(dy == std::vector<double>{1, 2, 3, 4});
  CHECK(dk == std::vector<double>{0.5, 1, 1.5, 2});  // one row per sample even for a shared key
}

TEST_CASE("reference inject: multiplicative, inside and outside the bounds") {
  const double t = std::tanh(0.25);
  const std::vector<double> x{3, 3, 3}, k{0.25, 5, -5};
  std::vector<double> y(3), dx(3), dk(3);
  const spankey::multiplicative injector{2.0F};
  kernels::forward(injector, 1, {3, 1}, x.data(), {k.data(), 0}, y.data());
  CHECK(y[0] == doctest::Approx(3 * (1 + 2 * t)));
  CHECK(y[1] == doctest::Approx(6));    // multiplier at most 2
  CHECK(y[2] == doctest::Approx(0.3));  // and at least 0.1
  std::vector<double> dy{7, 7, 7};
  kernels::backward(injector, 1, {3, 1}, x.data(), {k.data(), 0}, dy.data(), dx.data(), dk.data());
  CHECK(dx[0] == doctest::Approx(7 * (1 + 2 * t)));
  CHECK(dx[1] == doctest::Approx(14));
  CHECK(dx[2] == doctest::Approx(0.7));
  CHECK(dk[0] == doctest::Approx(7 * 3 * 2 * (1 - t * t)));
  CHECK(dk[1] == 0);
  CHECK(dk[2] == 0);
  kernels::backward(injector, 1, {3, 1}, x.data(), {k.data(), 0}, dy.data(), dy.data(), nullptr);
  CHECK(dy == dx);
}

TEST_CASE("reference inject: a number of the key acts on its channel, or on its position") {
  // Two samples of two positions of three channels; sample 1 has keys of its own.
  const std::vector<double> x{1, 2, 3, 4, 5, 6, 1, 1, 1, 1, 1, 1}, dy{1, 2, 3, 4, 5, 6, 1, 0, 0, 0, 0, 2};
  std::vector<double> y(12), dx(12);
  const spankey::additive injector{0.5F};
  const spankey::site_geometry by_channel{3, 2, spankey::key_shape::channel},
      by_token{3, 2, spankey::key_shape::token};
  CHECK(by_channel.key_size() == 3);
  CHECK(by_token.key_size() == 2);
  const std::vector<double> channels{10, 20, 30, 2, 4, 6}, tokens{10, 20, 2, 4};
  kernels::forward(injector, 2, by_channel, x.data(), {channels.data(), 3}, y.data());
  CHECK(y == std::vector<double>{6, 12, 18, 9, 15, 21, 2, 3, 4, 2, 3, 4});
  kernels::forward(injector, 2, by_token, x.data(), {tokens.data(), 2}, y.data());
  CHECK(y == std::vector<double>{6, 7, 8, 14, 15, 16, 2, 2, 2, 3, 3, 3});
  std::vector<double> dk(6, 9);
  kernels::backward(injector, 2, by_channel, x.data(), {channels.data(), 3}, dy.data(), dx.data(), dk.data());
  CHECK(dx == dy);
  CHECK(dk == std::vector<double>{2.5, 3.5, 4.5, 0.5, 0, 1});
  dk.assign(4, 9);
  kernels::backward(injector, 2, by_token, x.data(), {tokens.data(), 0}, dy.data(), dx.data(), dk.data());
  CHECK(dk == std::vector<double>{3, 7.5, 0.5, 1});
}

TEST_CASE("reference inject: gradients of shared numbers are those of the forward pass") {
  for (const spankey::key_shape key : {spankey::key_shape::channel, spankey::key_shape::token}) {
    const spankey::site_geometry site{3, 4, key};
    std::vector<double> k{0.3, -0.7, 1.1, 0.2}, x(12), dy(12), dx(12), dk(4);
    for (std::size_t i = 0; i < 12; ++i) {
      x[i] = std::sin(1.0 + static_cast<double>(i));
      dy[i] = std::cos(2.0 * static_cast<double>(i));
    }
    const spankey::multiplicative injector{0.5F};
    const auto value = [&] {
      std::vector<double> y(12);
      kernels::forward(injector, 1, site, x.data(), {k.data(), 0}, y.data());
      double sum = 0;
      for (std::size_t i = 0; i < 12; ++i) sum += dy[i] * y[i];
      return sum;
    };
    kernels::backward(injector, 1, site, x.data(), {k.data(), 0}, dy.data(), dx.data(), dk.data());
    for (std::size_t j = 0; j < static_cast<std::size_t>(site.key_size()); ++j) {
      const double before = k[j];
      k[j] = before + 1e-5;
      const double above = value();
      k[j] = before - 1e-5;
      const double slope = (above - value()) / 2e-5;
      k[j] = before;
      CHECK(std::abs(slope) > 1e-3);
      CHECK(dk[j] == doctest::Approx(slope).epsilon(1e-8));
    }
  }
}
