// Gated activations, reference: by hand; gradients of every kind against differences.
#include "spankey/backend/reference/gated.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

namespace {
using kernels = spankey::gated_kernels<spankey::backend::reference, double>;
using spankey::activation;
}  // namespace

TEST_CASE("reference gated: SwiGLU by hand") {
  const std::vector<double> x{1, -2, /**/ 3, 5, /**/ 0, 0.5, /**/ 7, -1};
  std::vector<double> y(4);
  kernels::forward({2, 2}, activation::silu, x.data(), y.data());
  CHECK(y[0] == doctest::Approx(1 / (1 + std::exp(-1.0)) * 3));
  CHECK(y[1] == doctest::Approx(-2 / (1 + std::exp(2.0)) * 5));
  CHECK(y[2] == 0);
  CHECK(y[3] == doctest::Approx(-0.5 / (1 + std::exp(-0.5))));
}

TEST_CASE("reference gated: gradients are those of the forward pass") {
  for (const activation act :
       {activation::identity, activation::relu, activation::gelu, activation::gelu_tanh, activation::silu}) {
    CAPTURE(static_cast<int>(act));
    std::vector<double> x{0.7, -1.2, 2.1, 0.4, -0.9, 1.3, -0.3, 0.8, 1.7, -2.2, 0.6, -0.5};
    const std::vector<double> dy{1.5, -0.4, 0.8, 0.3, -1.1, 0.9};
    std::vector<double> dx(12, 9.0);
    kernels::backward({2, 3}, act, x.data(), dy.data(), dx.data());
    const auto value = [&] {
      std::vector<double> y(6);
      kernels::forward({2, 3}, act, x.data(), y.data());
      double sum = 0;
      for (std::size_t i = 0; i < 6; ++i) sum += dy[i] * y[i];
      return sum;
    };
    for (std::size_t i = 0; i < 12; ++i) {
      const double before = x[i], h = 1e-5;
      x[i] = before + h;
      const double above = value();
      x[i] = before - h;
      const double slope = (above - value()) / (2 * h);
      x[i] = before;
      CHECK(dx[i] == doctest::Approx(slope).epsilon(1e-7));
    }
  }
}
