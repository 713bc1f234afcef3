#include "spankey/loss/cross_entropy.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "spankey/testing/gradient_check.hpp"

using namespace spankey;

namespace {
using logits = shape<3>;

template <class T>
double loss_of(const std::vector<T>& z, const std::vector<int>& y, double scale, std::vector<T>& dz) {
  const index_t n = static_cast<index_t>(y.size());
  return cross_entropy(batch_view<const T, logits>{z.data(), n}, y.data(), scale,
                       batch_view<T, logits>{dz.data(), n});
}
}  // namespace

TEST_CASE("cross_entropy: value and gradient of two hand-computed rows") {
  const std::vector<double> z = {1.0, 2.0, 0.5, -1.0, 0.0, 3.0};
  std::vector<double> dz(6, 0.0);
  CHECK(loss_of(z, {1, 0}, 1.0, dz) == doctest::Approx(2.265126343932687).epsilon(1e-14));
  const std::vector<double> expected = {0.1156119488110745,  -0.18573414039411884, 0.07012219158304422,
                                        -0.4914260872272398, 0.023306311288986945, 0.4681197759382528};
  for (std::size_t i = 0; i < 6; ++i) CHECK(dz[i] == doctest::Approx(expected[i]).epsilon(1e-14));
  std::vector<double> uniform(6, 0.0);
  CHECK(loss_of({4, 4, 4, 0, 0, 0}, {2, 1}, 1.0, uniform) == doctest::Approx(std::log(3.0)));
}

TEST_CASE("cross_entropy: the gradient accumulates and carries the scale; the value does not") {
  std::vector<double> z = {0.3, -0.7, 1.1, 2.0, -2.0, 0.1};
  const std::vector<int> y = {2, 1};
  std::vector<double> dz(6, 0.0), unused(6, 0.0);
  const double value = loss_of(z, y, 0.25, dz);
  CHECK(value == loss_of(z, y, 1.0, unused));
  const auto result = check_gradient(z, dz, [&] { return 0.25 * loss_of(z, y, 1.0, unused); });
  CHECK(result.numeric_norm > 1e-3);
  CHECK(result.error < 1e-8);
  const std::vector<double> once = dz;
  loss_of(z, y, 0.25, dz);
  for (std::size_t i = 0; i < 6; ++i) CHECK(dz[i] == doctest::Approx(2 * once[i]));
}

TEST_CASE("cross_entropy: large logits stay finite and right, in double and in float") {
  const auto check = [](auto zero) {
    using T = decltype(zero);
    const std::vector<T> z = {T(1e4), T(0), T(-1e4), T(-1e4), T(-1e4), T(1e4)};
    std::vector<T> dz(6, T(0));
    CHECK(loss_of(z, {0, 0}, 1.0, dz) == doctest::Approx(1e4));  // rows: 0 and 20000
    const std::vector<T> expected = {0, 0, 0, T(-0.5), 0, T(0.5)};
    CHECK(dz == expected);
  };
  check(0.0);
  check(0.0F);
}

TEST_CASE("cross_entropy: a row whose label is below 0 does not count") {
  const std::vector<double> z = {1.0, 2.0, 0.5, 9.0, 9.0, 9.0, -1.0, 0.0, 3.0};
  std::vector<double> dz(9, 0.0), of_two(6, 0.0);
  const double all = loss_of(z, {1, -1, 0}, 1.0, dz);
  CHECK(all == loss_of({1.0, 2.0, 0.5, -1.0, 0.0, 3.0}, {1, 0}, 1.0, of_two));
  of_two.insert(of_two.begin() + 3, 3, 0.0);
  CHECK(dz == of_two);
}

TEST_CASE("cross_entropy: a NaN logit is not hidden") {
  std::vector<double> dz(3, 0.0);
  CHECK(std::isnan(loss_of({1.0, std::nan(""), 2.0}, {0}, 1.0, dz)));
}

TEST_CASE("log_sum_exp: one logit, equal logits") {
  const std::vector<float> z = {-3.5F, 2.0F, 2.0F};
  CHECK(log_sum_exp(z.data(), 1) == -3.5);
  CHECK(log_sum_exp(z.data() + 1, 2) == doctest::Approx(2 + std::log(2.0)));
}

TEST_CASE("cross_entropy: of the first classes only, and no samples are no loss") {
  const std::vector<double> z = {1.0, 2.0, 50.0, -1.0, 0.0, -50.0};
  std::vector<double> dz(6, 0.0);
  const auto loss = [&](index_t samples) {
    return cross_entropy(batch_view<const double, logits>{z.data(), samples}, std::array{0, 1}.data(), 1.0,
                         batch_view<double, logits>{dz.data(), samples}, 2);
  };
  CHECK(loss(0) == 0);
  CHECK(dz == std::vector<double>(6, 0.0));
  const double each = std::log(1 + std::exp(1.0));
  CHECK(loss(2) == doctest::Approx((each + each - 1) / 2).epsilon(1e-14));  // labels 0 and 1
  const double p = 1 / (1 + std::exp(1.0));
  const std::vector<double> expected = {(p - 1) / 2, (1 - p) / 2, 0, p / 2, -p / 2, 0};
  for (std::size_t i = 0; i < 6; ++i) CHECK(dz[i] == doctest::Approx(expected[i]).epsilon(1e-14));
}

// Value and gradient: torch.nn.functional.cross_entropy(label_smoothing=0.2), PyTorch 1.13 in float64.
TEST_CASE("cross_entropy: smoothed labels, over all classes and beside a reject class") {
  const std::vector<double> z = {1.0, 2.0, 0.5, -1.0, 0.0, 3.0};
  const std::vector<int> y = {1, 0};
  const auto smoothed = [&](const std::vector<double>& logits, label_smoothing smoothing,
                            std::vector<double>& dz) {
    return cross_entropy(batch_view<const double, shape<3>>{logits.data(), 2}, y.data(), 1.0,
                         batch_view<double, shape<3>>{dz.data(), 2}, 3, smoothing);
  };
  std::vector<double> dz(6, 0.0);
  CHECK(smoothed(z, {0.2, 3}, dz) == doctest::Approx(2.181793010599354).epsilon(1e-14));
  const std::vector<double> expected = {0.08227861547774118,  -0.11906747372745213,  0.036788858249710905,
                                        -0.42475942056057314, -0.010027022044346388, 0.43478644260491955};
  for (std::size_t i = 0; i < 6; ++i) CHECK(dz[i] == doctest::Approx(expected[i]).epsilon(1e-14));
  // Over the first two classes only: nothing is wanted of the third logit.
  std::vector<double> partly(6, 0.0), unused(6, 0.0), moved = z;
  smoothed(z, {0.2, 2}, partly);
  const auto result = check_gradient(moved, partly, [&] { return smoothed(moved, {0.2, 2}, unused); });
  CHECK(result.error < 1e-8);
  CHECK(partly[2] == doctest::Approx(std::exp(0.5) / (std::exp(1.0) + std::exp(2.0) + std::exp(0.5)) / 2));
}

TEST_CASE("cross_entropy: rows of a vocabulary of floats are those of double, but for float's rounding") {
  for (const index_t classes : {index_t{64}, index_t{77}, index_t{272}, index_t{5000}})
    for (const float width : {0.1F, 4.0F, 300.0F}) {
      CAPTURE(classes);
      CAPTURE(width);
      const auto count = static_cast<std::size_t>(classes);
      std::vector<float> z(count + 3, 1e9F),
          dz(count + 3, 0.5F);  // what stands behind the row does not matter
      for (std::size_t c = 0; c < count; ++c) z[c] = width * std::sin(static_cast<float>(7 * c + 1));
      const index_t label = classes / 3;
      std::vector<double> exact(z.begin(), z.end()), expected(count + 3, 0.0);
      const double loss = cross_entropy_row(exact.data(), classes, label, 0.25, expected.data());
      CHECK(std::abs(host_cross_entropy_row(z.data(), classes, label, 0.25, dz.data()) - loss) <=
            3e-7 * (1 + loss));
      double error = 0;
      for (std::size_t c = 0; c < count + 3; ++c)
        error = std::max(error, std::abs(static_cast<double>(dz[c]) - 0.5 - expected[c]));
      CHECK(error < 2e-7);
    }
}

TEST_CASE("cross_entropy: NaN and infinite logits of a vocabulary of floats are not hidden") {
  const float infinity = std::numeric_limits<float>::infinity();
  for (const float odd : {std::nanf(""), infinity}) {
    std::vector<float> z(100, 1.0F), dz(100, 0.0F);
    z[70] = odd;
    CHECK(std::isnan(host_cross_entropy_row(z.data(), 100, 3, 1.0, dz.data())));
  }
  std::vector<float> z(100, 1.0F), dz(100, 0.0F);
  z[70] = -infinity;
  CHECK(host_cross_entropy_row(z.data(), 100, 3, 1.0, dz.data()) == doctest::Approx(std::log(99.0)));
  CHECK(dz[70] == 0);
}
