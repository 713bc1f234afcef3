// Dropout, reference: which elements are dropped and how often, the scale of the others, nothing stored between forward and
// backward, both ends of the probability.
#include "spankey/backend/reference/dropout.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

using kernels = spankey::dropout_kernels<spankey::backend::reference, double>;
using spankey::dropout_problem;

TEST_CASE("reference dropout: a share of the elements, the others scaled up; backward drops the same") {
  const dropout_problem p{0.25, 7, 3};
  const std::vector<double> x(40000, 3.0);
  std::vector<double> y(x.size(), 9), dx(x.size(), 9);
  kernels::forward(p, 40000, x.data(), y.data());
  double dropped = 0;
  for (const double v : y) {
    CHECK((v == 0 || v == 4));
    dropped += v == 0;
  }
  CHECK(std::abs(dropped / 40000 - 0.25) < 0.01);  // some 4.6 deviations
  kernels::backward(p, 40000, x.data(), dx.data());
  CHECK(dx == y);
  std::vector<double> part(x.size(), 9);
  kernels::forward({0.25, 7, 3, 100}, 39900, x.data(), part.data());
  CHECK(std::equal(part.begin(), part.begin() + 39900, y.begin() + 100));  // numbers, not calls
}

TEST_CASE("reference dropout: seed and step decide; as documented") {
  const std::vector<double> x(64, 1.0);
  const auto run = [&](const dropout_problem& p) {
    std::vector<double> y(64);
    kernels::forward(p, 64, x.data(), y.data());
    return y;
  };
  const std::vector<double> y = run({0.5, 1, 2});
  CHECK(run({0.5, 1, 3}) != y);
  CHECK(run({0.5, 2, 2}) != y);
  const spankey::random_source random(1, spankey::stream::dropout, 2);
  for (std::size_t i = 0; i < 64; ++i) CHECK(y[i] == (random.bits(i) < 0x80000000U ? 0 : 2));
}

TEST_CASE("reference dropout: probability 0 keeps all, 1 none") {
  const std::vector<double> x{1, -2, 3, 4};
  std::vector<double> y(4, 9);
  kernels::forward({0}, 4, x.data(), y.data());
  CHECK(y == x);
  kernels::forward({1}, 4, x.data(), y.data());
  CHECK(y == std::vector<double>(4, 0));
}
