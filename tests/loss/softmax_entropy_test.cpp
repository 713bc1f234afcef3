#include "spankey/loss/softmax_entropy.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "spankey/testing/gradient_check.hpp"

using namespace spankey;

TEST_CASE("softmax_entropy: known values") {
  const std::vector<double> equal = {7, 7, 7, 7};
  CHECK(softmax_entropy(equal.data(), 4).value() == doctest::Approx(std::log(4.0)).epsilon(1e-14));
  const std::vector<double> odds = {std::log(3.0), 0};  // p = 3/4, 1/4
  CHECK(softmax_entropy(odds.data(), 2).value() ==
        doctest::Approx(std::log(4.0) - 0.75 * std::log(3.0)).epsilon(1e-14));
  CHECK(softmax_entropy(odds.data(), 1).value() == 0);
  CHECK(softmax_entropy(odds.data(), 1).gradient(0) == 0);
}

TEST_CASE("softmax_entropy: gradient") {
  std::vector<double> z = {0.3, -1.2, 2.1, 0.9, 0.0};
  const softmax_entropy h(z.data(), 5);
  std::vector<double> analytic;
  for (index_t c = 0; c < 5; ++c) analytic.push_back(h.gradient(c));
  const auto result = check_gradient(z, analytic, [&] { return softmax_entropy(z.data(), 5).value(); });
  CHECK(result.numeric_norm > 0.1);
  CHECK(result.error < 1e-8);
}

TEST_CASE("softmax_entropy: a small entropy keeps its digits, large logits stay finite") {
  // p = exp(-30) beside 1: H = p (1 + 30) to first order.
  const std::vector<double> certain = {1e4, 1e4 - 30};
  CHECK(softmax_entropy(certain.data(), 2).value() == doctest::Approx(31 * std::exp(-30.0)).epsilon(1e-9));
  const std::vector<float> far = {1e4F, -1e4F, 0};
  const softmax_entropy h(far.data(), 3);
  CHECK(h.value() == 0);
  for (index_t c = 0; c < 3; ++c) CHECK(h.gradient(c) == 0);
}

TEST_CASE("softmax_entropy: NaN and infinity are not hidden") {
  for (const double odd : {std::nan(""), HUGE_VAL, -HUGE_VAL}) {
    const std::vector<double> z = {0, odd, 1};
    CHECK(std::isnan(softmax_entropy(z.data(), 3).value()));
  }
}
