// Layer norm, reference: a row by hand; gradients against differences of the forward pass; without gamma and beta.
#include "spankey/backend/reference/layer_norm.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "spankey/core/random.hpp"

namespace {

using kernels = spankey::layer_norm_kernels<spankey::backend::reference, double>;
using spankey::layer_norm_problem;

std::vector<double> gaussian(std::size_t count, std::uint64_t seed) {
  const spankey::random_source random(seed, spankey::stream::weights);
  std::vector<double> v(count);
  for (std::size_t i = 0; i < count; ++i) v[i] = random.gaussian(i);
  return v;
}

}  // namespace

TEST_CASE("reference layer norm: by hand, rows apart, epsilon inside the root") {
  const std::vector<double> x{1, 3, 10, 10}, gamma{2, 3}, beta{0.5, -0.5};
  std::vector<double> y(4), mean(2), rstd(2);
  kernels::forward({2, 2, 0.5}, {x.data(), gamma.data(), beta.data(), y.data(), mean.data(), rstd.data()});
  CHECK(mean == std::vector<double>{2, 10});
  CHECK(rstd[0] == doctest::Approx(1 / std::sqrt(1.5)));
  CHECK(rstd[1] == doctest::Approx(1 / std::sqrt(0.5)));
  CHECK(y[0] == doctest::Approx(0.5 - 2 / std::sqrt(1.5)));
  CHECK(y[1] == doctest::Approx(-0.5 + 3 / std::sqrt(1.5)));
  CHECK(y[2] == 0.5);
  CHECK(y[3] == -0.5);
}

TEST_CASE("reference layer norm: gradients are those of the forward pass, parameters add up") {
  for (const bool trained : {true, false}) {
    const layer_norm_problem p{3, 5, 1e-3};
    std::vector<double> x = gaussian(15, 1), gamma = gaussian(5, 2), beta = gaussian(5, 3);
    const std::vector<double> dy = gaussian(15, 4);
    std::vector<double> mean(3), rstd(3), dgamma(5), dbeta(5), dx(15, 9);
    const auto value = [&] {
      std::vector<double> y(15);
      kernels::forward(p, {x.data(), trained ? gamma.data() : nullptr, trained ? beta.data() : nullptr,
                           y.data(), mean.data(), rstd.data()});
      double sum = 0;
      for (std::size_t i = 0; i < 15; ++i) sum += dy[i] * y[i];
      return sum;
    };
    value();
    for (int run = 0; run < 2; ++run)
      kernels::backward(p,
                        {x.data(), dy.data(), trained ? gamma.data() : nullptr, mean.data(), rstd.data(),
                         dgamma.data(), trained ? dbeta.data() : nullptr, dx.data()},
                        nullptr);
    std::vector<double> in_place = dy;
    kernels::backward(p,
                      {x.data(), in_place.data(), trained ? gamma.data() : nullptr, mean.data(), rstd.data(),
                       nullptr, nullptr, in_place.data()},
                      nullptr);
    CHECK(in_place == dx);
    const auto check = [&](std::vector<double>& of, const std::vector<double>& gradient, double times) {
      double largest = 0;
      for (std::size_t i = 0; i < of.size(); ++i) {
        const double before = of[i], h = 1e-5;
        of[i] = before + h;
        const double above = value();
        of[i] = before - h;
        const double slope = (above - value()) / (2 * h);
        of[i] = before;
        CHECK(gradient[i] == doctest::Approx(times * slope).epsilon(1e-7));
        largest = std::max(largest, std::abs(slope));
      }
      CHECK(largest > 0.1);
    };
    check(x, dx, 1);
    if (trained) {
      check(gamma, dgamma, 2);
      check(beta, dbeta, 2);
    } else {
      CHECK(dgamma == std::vector<double>(5));  // nobody's
    }
  }
}
