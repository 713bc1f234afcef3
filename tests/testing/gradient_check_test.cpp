#include "spankey/testing/gradient_check.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <set>
#include <vector>

using namespace spankey;

namespace {
// L = sum_i (i + 1) sin(v_i)
double loss_of(const std::vector<double>& v) {
  double sum = 0;
  for (std::size_t i = 0; i < v.size(); ++i) sum += static_cast<double>(i + 1) * std::sin(v[i]);
  return sum;
}
std::vector<double> gradient_of(const std::vector<double>& v) {
  std::vector<double> g(v.size());
  for (std::size_t i = 0; i < v.size(); ++i) g[i] = static_cast<double>(i + 1) * std::cos(v[i]);
  return g;
}
}  // namespace

TEST_CASE("check_gradient: accepts the right gradient and restores the values") {
  std::vector<double> v = {0.1, -0.4, 1.2};
  const std::vector<double> kept = v, right = gradient_of(v);
  const auto result = check_gradient(v, right, [&] { return loss_of(v); });
  CHECK(result.error < 1e-9);
  CHECK(result.numeric_norm == doctest::Approx(std::hypot(right[0], right[1], right[2])));
  CHECK(v == kept);
}

TEST_CASE("check_gradient: refuses a wrong sign, one wrong element, a swap and a NaN") {
  std::vector<double> v = {0.1, -0.4, 1.2};
  const std::vector<double> right = gradient_of(v);
  const auto error_of = [&](const std::vector<double>& analytic) {
    return check_gradient(v, analytic, [&] { return loss_of(v); }).error;
  };
  CHECK(error_of({-right[0], -right[1], -right[2]}) == doctest::Approx(2));
  CHECK(error_of({right[0], right[1] + 0.01, right[2]}) > 1e-3);
  CHECK(error_of({right[1], right[0], right[2]}) > 1e-2);
  CHECK_FALSE(error_of({right[0], std::nan(""), right[2]}) < 1);
}

TEST_CASE("check_gradient: a loss that does not depend on the values has numeric norm 0") {
  std::vector<double> v = {0.1, 0.2};
  const auto result = check_gradient(v, std::vector<double>{0, 0}, [] { return 3.0; });
  CHECK(result.numeric_norm == 0);
  CHECK(check_gradient(v, std::vector<double>{1, 0}, [] { return 3.0; }).error == 1);
  CHECK(check_gradient({}, {}, [] { return 3.0; }).numeric_norm == 0);
}

TEST_CASE("check_gradient: changes at most `limit` values, spread over all of them and over all channels") {
  for (const std::size_t size : {1U, 7U, 64U, 65U, 127U, 1000U, 4096U}) {
    for (const std::size_t limit : {1U, 8U, 64U}) {
      INFO(size, " values, limit ", limit);
      std::vector<double> v(size, 0.3);
      const std::vector<double> analytic = gradient_of(v);
      std::set<std::size_t> changed;
      const auto result = check_gradient(
          v, analytic,
          [&] {
            for (std::size_t i = 0; i < size; ++i)
              if (v[i] != 0.3) changed.insert(i);
            return loss_of(v);
          },
          limit);
      CHECK(changed.size() <= limit);
      CHECK(changed.size() >= std::min(size, limit) / 3);
      CHECK(result.error < 1e-4);  // one element beside a loss of 4096 terms: rounding
      std::set<std::size_t> channels;
      for (const std::size_t i : changed) channels.insert(i % 8);
      CHECK(channels.size() == std::min<std::size_t>(8, changed.size()));
    }
  }
}
