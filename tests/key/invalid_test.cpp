#include "spankey/key/invalid.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "spankey/key/products.hpp"

using namespace spankey;

namespace {
const extents here{3, 16, 16};
const index_t d = here.size(), m = 32, n = 4;
const random_source source(31, stream::invalid_keys, 4);
const number_range noise{0, d}, order{std::uint64_t{1} << 38, d};

subspace drawn(const extents& e, index_t rows, std::uint64_t seed = 5) {
  return subspace(e, rows,
                  draw_basis(basis_kind::uniform, rows, e.size(), random_source(seed, stream::basis)));
}

std::vector<float> coefficients() {
  std::vector<float> alpha(static_cast<std::size_t>(n * m));
  draw_coefficients({}, m, source, std::uint64_t{1} << 39, n, alpha.data());
  return alpha;
}

// n keys of one site whose valid keys come from `valid`.
std::vector<float> keys_of(const invalid_rule& rule, const subspace& span, const subspace& valid,
                           float key_std = 1) {
  std::vector<float> out(static_cast<std::size_t>(n * d), -77.0F), alpha = coefficients();
  key_scratch scratch;
  draw_invalid_keys(rule, {span, valid, alpha.data(), key_std, source, noise, order, n, scratch}, out.data());
  return out;
}
std::vector<float> keys_of(const invalid_rule& rule, const subspace& span) {
  return keys_of(rule, span, span);
}
std::vector<float> valid_keys(const subspace& span) {
  std::vector<float> out(static_cast<std::size_t>(n * d));
  span.combine(coefficients().data(), n, out.data());
  return out;
}

double dot(const float* a, const float* b) { return dot_in_double(a, b, d); }
double norm(const float* a) { return std::sqrt(dot(a, a)); }
}  // namespace

TEST_CASE("orthogonal keys are the gaussian ones without their part in the span") {
  const auto span = drawn(here, m);
  auto gaussian = keys_of(invalid_family::gaussian, span);
  const auto orthogonal = keys_of(invalid_family::orthogonal, span);
  for (index_t s = 0; s < n; ++s) {
    CHECK(span.energy_share(gaussian.data() + s * d) > 0.01);
    CHECK(span.energy_share(orthogonal.data() + s * d) < 1e-11);
  }
  span.project_out(gaussian.data(), n);
  CHECK(gaussian == orthogonal);
}

TEST_CASE("nothing is orthogonal to the whole space") {
  const auto span = drawn(extents{6}, 6);
  secret_vector<float> scratch;
  std::vector<float> k(6, 7.0F);
  CHECK_THROWS_WITH(draw_orthogonal_keys(span, source, {0, 6}, 1, k.data(), scratch),
                    doctest::Contains("[spankey.key.114]"));
  CHECK(k == std::vector<float>(6, 7.0F));
}

TEST_CASE("norm_matched keys are the gaussian ones with the norms of valid keys") {
  const auto span = drawn(here, m);
  const auto gaussian = keys_of(invalid_family::gaussian, span), valid = valid_keys(span);
  const auto matched = keys_of(invalid_family::norm_matched, span);
  for (index_t s = 0; s < n; ++s) {
    const float *g = gaussian.data() + s * d, *v = valid.data() + s * d, *k = matched.data() + s * d;
    CHECK(norm(k) == doctest::Approx(norm(v)).epsilon(1e-6));
    CHECK(dot(k, g) / (norm(k) * norm(g)) == doctest::Approx(1).epsilon(1e-6));
    CHECK(norm(g) / norm(v) > 1.5);
  }
}

TEST_CASE("angle: the norm of the valid key, at that angle to it and to the span") {
  const auto span = drawn(here, m);
  const auto valid = valid_keys(span);
  for (const double degrees : {1.0, 30.0, 45.0, 90.0, 120.0, 180.0}) {
    CAPTURE(degrees);
    const auto turned = keys_of({invalid_family::angle, degrees}, span);
    const double cosine = std::cos(degrees * std::numbers::pi / 180);
    for (index_t s = 0; s < n; ++s) {
      const float *v = valid.data() + s * d, *k = turned.data() + s * d;
      CHECK(norm(k) == doctest::Approx(norm(v)).epsilon(1e-5));
      CHECK(std::abs(dot(k, v) / (norm(k) * norm(v)) - cosine) < 1e-5);
      CHECK(std::abs(span.energy_share(k) - cosine * cosine) < 1e-5);
    }
  }
}

TEST_CASE("permuted and sign_flipped keys are valid ones in disorder") {
  const auto span = drawn(here, m);
  auto valid = valid_keys(span);
  auto permuted = keys_of(invalid_family::permuted, span);
  const auto flipped = keys_of(invalid_family::sign_flipped, span);
  for (index_t s = 0; s < n; ++s) {
    float *v = valid.data() + s * d, *p = permuted.data() + s * d;
    const float* const k = flipped.data() + s * d;
    index_t negative = 0;
    for (index_t i = 0; i < d; ++i) {
      CHECK(std::abs(k[i]) == std::abs(v[i]));
      negative += k[i] != v[i] ? 1 : 0;
    }
    CHECK(negative == d / 2);
    CHECK(span.energy_share(k) < 0.2);
    CHECK(span.energy_share(p) < 0.2);
    CHECK(!std::equal(p, p + d, v));
    std::sort(p, p + d);
    std::sort(v, v + d);
    CHECK(std::equal(p, p + d, v));
  }
}

TEST_CASE("negated and scaled keys are multiples of valid ones") {
  const auto span = drawn(here, m);
  const auto valid = valid_keys(span), negated = keys_of(invalid_family::negated, span);
  const auto halved = keys_of({invalid_family::scaled, 0.5}, span);
  for (std::size_t i = 0; i < valid.size(); ++i) {
    CHECK(negated[i] == -valid[i]);
    CHECK(halved[i] == 0.5F * valid[i]);
  }
}

TEST_CASE("keys from elsewhere are combined from the basis that they come from") {
  const auto span = drawn(here, m), elsewhere = drawn(here, m, 6);
  for (const auto family : {invalid_family::other_space, invalid_family::other_site})
    CHECK(keys_of(family, span, elsewhere) == valid_keys(elsewhere));
}

TEST_CASE("zero and constant") {
  const auto span = drawn(here, m);
  const std::vector<float> zero(static_cast<std::size_t>(n * d), 0.0F);
  CHECK(keys_of(invalid_family::zero, span) == zero);
  const auto constant = [&](double level, float key_std) {
    const auto k = keys_of({invalid_family::constant, level}, span, span, key_std);
    CHECK(k == std::vector<float>(k.size(), k[0]));
    return k[0];
  };
  CHECK(constant(1, 0.5F) == 0.5F);
  CHECK(constant(-3, 2) == -6);
  CHECK(constant(2, 0) == 2);
}
