#include "spankey/key/rescale.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace spankey;

namespace {
float value_at(index_t i) { return static_cast<float>((i * 7919) % 1013) * 0.01F + 3.0F; }

double plain_std(const float* x, index_t n) {
  double mean = 0, squares = 0;
  for (index_t i = 0; i < n; ++i) mean += static_cast<double>(x[i]) / static_cast<double>(n);
  for (index_t i = 0; i < n; ++i) {
    squares += (static_cast<double>(x[i]) - mean) * (static_cast<double>(x[i]) - mean);
  }
  return std::sqrt(squares / static_cast<double>(n - 1));
}
}  // namespace

TEST_CASE("moments of rows agree with the two-pass formula, whatever the row length") {
  for (const index_t d : {2, 7, 4095, 4096, 4097, 9000}) {
    const index_t n = 3;
    std::vector<float> k(static_cast<std::size_t>(n * d));
    for (index_t i = 0; i < n * d; ++i) k[static_cast<std::size_t>(i)] = value_at(i);
    std::vector<moments> rows(static_cast<std::size_t>(n)), partial;
    row_moments(k.data(), n, d, rows.data(), partial);
    for (index_t row = 0; row < n; ++row) {
      const moments& m = rows[static_cast<std::size_t>(row)];
      CHECK(m.count == static_cast<double>(d));
      CHECK(m.standard_deviation() == doctest::Approx(plain_std(k.data() + row * d, d)).epsilon(1e-9));
    }
  }
}

TEST_CASE("pooled uses one factor, per_key one for each row; the mean is scaled, not removed") {
  const index_t n = 4, d = 5000;
  std::vector<float> k(static_cast<std::size_t>(n * d));
  for (index_t i = 0; i < n * d; ++i) {
    k[static_cast<std::size_t>(i)] = value_at(i) * static_cast<float>(1 + i / d);
  }
  std::vector<moments> rows(static_cast<std::size_t>(n)), partial;
  row_moments(k.data(), n, d, rows.data(), partial);
  std::vector<double> factors(static_cast<std::size_t>(n));

  rescale_factors(rescale_kind::pooled, 0.5F, rows.data(), factors.data(), n);
  CHECK(factors[0] == doctest::Approx(0.5 / plain_std(k.data(), n * d)).epsilon(1e-9));
  CHECK(factors[0] == factors[3]);

  rescale_factors(rescale_kind::per_key, 0.5F, rows.data(), factors.data(), n);
  auto scaled = k;
  scale_rows(scaled.data(), n, d, factors.data());
  for (index_t row = 0; row < n; ++row) {
    CHECK(plain_std(scaled.data() + row * d, d) == doctest::Approx(0.5).epsilon(1e-5));
    const auto i = static_cast<std::size_t>(row * d + 17);
    CHECK(scaled[i] == doctest::Approx(static_cast<double>(k[i]) * factors[static_cast<std::size_t>(row)]));
  }
}

TEST_CASE("a constant key has standard deviation 0, and 1e-8 keeps its factor finite") {
  const moments m{4, 4 * 0.1, 4 * 0.1 * 0.1};
  CHECK(m.standard_deviation() < 1e-7);
  CHECK(std::isfinite(rescale_factor(moments{4, 4, 4}, 1.0F)));
  CHECK(rescale_factor(moments{4, 4, 4}, 1.0F) == doctest::Approx(1e8));
}

TEST_CASE("names of rescale kinds") {
  CHECK(parse_rescale("per_key") == rescale_kind::per_key);
  CHECK(name_of(rescale_kind::pooled) == "pooled");
  CHECK_THROWS_WITH(parse_rescale("none"), doctest::Contains("expected one of: pooled, per_key"));
}
