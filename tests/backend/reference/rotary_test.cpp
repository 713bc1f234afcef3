// Rotary positions, reference: a head of four by hand; what is turned keeps its length and meets others by their distance.
#include "spankey/backend/reference/rotary.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "spankey/backend/backend.hpp"

namespace {
using kernels = spankey::rotary_kernels<spankey::backend::reference, double>;
using spankey::rotary_problem;
}  // namespace

TEST_CASE("reference rotary: halves lie apart, by hand") {
  // One head of four and a channel that passes, at positions 2 and 3: pairs (0, 2) by t, (1, 3) by t / 10.
  const rotary_problem p{1, 2, 5, 1, 4, 100, 2};
  const std::vector<double> x{1, 2, 3, 4, 5, -1, 0.5, 2, -3, 7};
  std::vector<double> y(10), table(static_cast<std::size_t>(kernels::scratch_size(p)));
  kernels::forward(p, x.data(), y.data(), table.data());
  CHECK(y[0] == doctest::Approx(1 * std::cos(2.0) - 3 * std::sin(2.0)));
  CHECK(y[2] == doctest::Approx(3 * std::cos(2.0) + 1 * std::sin(2.0)));
  CHECK(y[1] == doctest::Approx(2 * std::cos(0.2) - 4 * std::sin(0.2)));
  CHECK(y[3] == doctest::Approx(4 * std::cos(0.2) + 2 * std::sin(0.2)));
  CHECK(y[5] == doctest::Approx(-1 * std::cos(3.0) - 2 * std::sin(3.0)));
  CHECK(y[6] == doctest::Approx(0.5 * std::cos(0.3) + 3 * std::sin(0.3)));
  CHECK(y[4] == 5);
  CHECK(y[9] == 7);
  kernels::backward(p, y.data(), y.data(), table.data());  // in place, and back
  for (std::size_t i = 0; i < 10; ++i) CHECK(y[i] == doctest::Approx(x[i]));
}

TEST_CASE("reference rotary: a product of two depends on how far they lie apart alone") {
  const std::vector<double> q{0.3, -1, 2, 0.7, 1, 1}, k{1.5, 0.2, -0.4, 0.9, -1, 2};
  const auto turned = [](const std::vector<double>& v, spankey::index_t position) {
    const rotary_problem p{1, 1, 6, 1, 6, 10000, position};
    std::vector<double> y(6), table(6);
    kernels::forward(p, v.data(), y.data(), table.data());
    return y;
  };
  const auto product = [&](spankey::index_t a, spankey::index_t b) {
    const std::vector<double> x = turned(q, a), y = turned(k, b);
    double sum = 0;
    for (std::size_t i = 0; i < 6; ++i) sum += x[i] * y[i];
    return sum;
  };
  CHECK(product(7, 3) == doctest::Approx(product(1004, 1000)).epsilon(1e-10));
  CHECK(product(7, 3) != doctest::Approx(product(7, 4)).epsilon(1e-3));
}
