#include "spankey/key/coefficients.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "error_probe.hpp"
#include "spankey/key/gaussian.hpp"

using namespace spankey;

namespace {
using spankey_test::id_of;

const random_source source(3, stream::coefficients, 5);
constexpr coefficient_kind every_kind[] = {coefficient_kind::unit_cube, coefficient_kind::gaussian,
                                           coefficient_kind::sphere};

std::vector<float> drawn(const coefficient_law& law, index_t m, const row_selection& rows) {
  std::vector<float> alpha(static_cast<std::size_t>(rows.size() * m));
  draw_coefficients(law, m, source, 100, rows, alpha.data());
  return alpha;
}
}  // namespace

TEST_CASE("with its usual offset and spread, coefficient (s, j) is number base + s*m + j") {
  const index_t m = 7;
  const auto cube = drawn(default_law(coefficient_kind::unit_cube), m, 3);
  const auto gaussian = drawn(default_law(coefficient_kind::gaussian), m, 3);
  const auto sphere = drawn(default_law(coefficient_kind::sphere), m, 3);
  for (index_t s = 0; s < 3; ++s) {
    std::vector<float> g(static_cast<std::size_t>(m));
    fill_gaussian(source, 100 + static_cast<std::uint64_t>(s * m), g.data(), m);
    double norm = 0;
    for (const float x : g) norm += static_cast<double>(x) * static_cast<double>(x);
    for (index_t j = 0; j < m; ++j) {
      const auto at = static_cast<std::size_t>(s * m + j);
      CHECK(cube[at] == static_cast<float>(source.uniform(100 + at)));
      CHECK(gaussian[at] == g[static_cast<std::size_t>(j)]);
      CHECK(static_cast<double>(sphere[at]) ==
            doctest::Approx(static_cast<double>(gaussian[at]) / std::sqrt(norm)).epsilon(1e-6));
    }
  }
}

TEST_CASE("selected samples have the coefficients that they have among all, bit for bit") {
  const std::vector<index_t> listed{4, 1, 2, 7};
  const index_t m = 5;
  for (const coefficient_kind kind : every_kind) {
    const coefficient_law law{kind, 0.25, 3};
    const auto all = drawn(law, m, 8), some = drawn(law, m, std::span<const index_t>(listed));
    for (std::size_t i = 0; i < listed.size(); ++i)
      CHECK(std::equal(all.begin() + listed[i] * m, all.begin() + (listed[i] + 1) * m,
                       some.begin() + static_cast<index_t>(i) * m));
  }
}

TEST_CASE("offset and spread shift and stretch, whatever the kind") {
  const index_t m = 16, n = 500;
  for (const coefficient_kind kind : every_kind) {
    const coefficient_law usual = default_law(kind);
    const auto plain = drawn(usual, m, n), moved = drawn({kind, -2, 0.125}, m, n);
    for (std::size_t i = 0; i < plain.size(); ++i) {
      const double z = (static_cast<double>(plain[i]) - usual.offset) / usual.spread;
      CHECK(static_cast<double>(moved[i]) == doctest::Approx(-2 + 0.125 * z).epsilon(1e-6));
    }
  }
  // z of unit_cube fills [-1, 1).
  const auto z = drawn({coefficient_kind::unit_cube, 0, 1}, m, n);
  const auto [low, high] = std::minmax_element(z.begin(), z.end());
  CHECK(*low >= -1);
  CHECK(*low < -0.99F);
  CHECK(*high < 1);
  CHECK(*high > 0.99F);
}

TEST_CASE("subtract_mean and scale_coefficients") {
  std::vector<float> a{1, 2, 6};
  subtract_mean(a.data(), 3);
  CHECK(a == std::vector<float>{-2, -1, 3});
  scale_coefficients(a.data(), 3, -0.5);
  CHECK(a == std::vector<float>{1, 0.5F, -1.5F});
}

TEST_CASE("names of coefficients") {
  CHECK(id_of([] { parse_coefficients("cube"); }) == "key.102");
  CHECK(parse_coefficients("sphere") == coefficient_kind::sphere);
  CHECK(name_of(coefficient_kind::unit_cube) == "unit_cube");
}
