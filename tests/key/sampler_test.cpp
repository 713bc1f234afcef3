#include "spankey/key/sampler.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <vector>

#include "drawn_keys.hpp"
#include "error_probe.hpp"
#include "spankey/backend/cpu/parallel.hpp"
#include "spankey/key/gaussian.hpp"

using namespace spankey;

namespace {
using namespace drawn_keys;
using spankey_test::id_of;
}  // namespace

TEST_CASE("valid keys lie in the span, orthogonal invalid keys outside, at every site of every arrangement") {
  const index_t n = 6;
  for (auto c : arrangements) {
    for (const auto basis : {basis_kind::uniform, basis_kind::orthonormal}) {
      c.basis = basis;
      for (const auto coefficients :
           {coefficient_kind::unit_cube, coefficient_kind::gaussian, coefficient_kind::sphere}) {
        c.coefficients = coefficients;
        key_space space(c, three_sites);
        const keys ok = valid(space, n), wrong = invalid(space, invalid_family::orthogonal, n);
        for (std::size_t i = 0; i < three_sites.size(); ++i) {
          const subspace& span = space.subspace_of(static_cast<index_t>(i));
          for (index_t s = 0; s < n; ++s) {
            CHECK(span.energy_share(ok.row(i, s, span.size())) == doctest::Approx(1).epsilon(1e-5));
            CHECK(span.energy_share(wrong.row(i, s, span.size())) < 1e-11);
          }
        }
      }
    }
  }
}

TEST_CASE("the reference's gap: unit-cube keys share one direction, gaussian and sphere ones do not") {
  key_space_config c;
  c.key_std = 0;
  const index_t n = 400, m = c.subspace_dim;
  const extents e{16, 16, 16};
  const index_t d = e.size();
  for (const auto kind :
       {coefficient_kind::unit_cube, coefficient_kind::gaussian, coefficient_kind::sphere}) {
    c.coefficients = kind;
    key_space space(c, {site{0, e}});
    const keys k = valid(space, n);
    std::vector<float> direction(static_cast<std::size_t>(d));
    const std::vector<float> ones(static_cast<std::size_t>(m), 1.0F);
    space.subspace_of(0).combine(ones.data(), 1, direction.data());
    double between = 0, on_mean = 0;
    for (index_t s = 0; s < n; s += 2) {
      between += 2 * cosine(k.row(0, s, d), k.row(0, s + 1, d), d) / static_cast<double>(n);
    }
    for (index_t s = 0; s < n; ++s) {
      const double cos = cosine(k.row(0, s, d), direction.data(), d);
      on_mean += cos * cos / static_cast<double>(n);
    }
    if (kind == coefficient_kind::unit_cube) {
      CHECK(between == doctest::Approx(0.75).epsilon(0.03));
      CHECK(on_mean == doctest::Approx(0.75 + 0.25 / static_cast<double>(m)).epsilon(0.03));
    } else {
      CHECK(std::abs(between) < 0.06);
      CHECK(on_mean < 0.06);
    }
  }
}

TEST_CASE("coefficients: unit cube, normal, unit length") {
  // The basis is the identity, unscaled, so that keys show their coefficients.
  const index_t m = 24, n = 500;
  std::vector<float> identity(static_cast<std::size_t>(m * m));
  for (index_t i = 0; i < m; ++i) identity[static_cast<std::size_t>(i * m + i)] = 1;
  const std::vector<std::span<const float>> bases{identity};
  key_space_config c;
  c.subspace_dim = m;
  c.key_std = 0;
  for (const auto kind :
       {coefficient_kind::unit_cube, coefficient_kind::gaussian, coefficient_kind::sphere}) {
    c.coefficients = kind;
    key_space space(c, {site{0, {m}}}, bases);
    const keys k = valid(space, n);
    const auto& a = k.values[0];
    const double mean =
        dot(a.data(), std::vector<float>(a.size(), 1.0F).data(), n * m) / static_cast<double>(n * m);
    const double spread = plain_std(a.data(), n * m);
    if (kind == coefficient_kind::unit_cube) {
      CHECK(*std::min_element(a.begin(), a.end()) >= 0);
      CHECK(*std::max_element(a.begin(), a.end()) < 1);
      CHECK(std::abs(mean - 0.5) < 0.014);
      CHECK(spread == doctest::Approx(std::sqrt(1.0 / 12)).epsilon(0.03));
    } else if (kind == coefficient_kind::gaussian) {
      CHECK(std::abs(mean) < 0.046);
      CHECK(spread == doctest::Approx(1).epsilon(0.035));
    } else {
      CHECK(std::abs(mean) < 0.01);
      for (index_t s = 0; s < n; ++s)
        CHECK(dot(k.row(0, s, m), k.row(0, s, m), m) == doctest::Approx(1).epsilon(1e-6));
    }
  }
}

TEST_CASE(
    "offset and spread of the coefficients: a cube around 0 shares no direction, gaussian ones around 1 do") {
  const index_t n = 200, d = 768;
  const auto mean_cosine = [&](coefficient_kind kind, double offset) {
    key_space space({.coefficients = kind, .offset = offset, .spread = 0.5}, {site{0, {3, 16, 16}}});
    const keys k = valid(space, n);
    double sum = 0;
    for (index_t s = 0; s < n; s += 2) sum += 2 * cosine(k.row(0, s, d), k.row(0, s + 1, d), d);
    return sum / static_cast<double>(n);
  };
  CHECK(std::abs(mean_cosine(coefficient_kind::unit_cube, 0)) < 0.08);
  CHECK(mean_cosine(coefficient_kind::unit_cube, 0.5) == doctest::Approx(0.75).epsilon(0.05));
  CHECK(mean_cosine(coefficient_kind::gaussian, 1) == doctest::Approx(0.8).epsilon(0.05));  // 1 / (1 + 0.5^2)
}

TEST_CASE("rescale: the standard deviation asked for, over the batch or over each key; directions stay") {
  const index_t n = 7;
  for (auto c : arrangements) {
    c.key_std = 0;
    key_space raw_space(c, three_sites);
    c.key_std = 0.45F;
    for (const auto rescale : {rescale_kind::pooled, rescale_kind::per_key}) {
      c.rescale = rescale;
      key_space space(c, three_sites);
      for (int which = 0; which < 3; ++which) {
        const auto family = which == 1 ? invalid_family::gaussian : invalid_family::orthogonal;
        const keys raw = which == 0 ? valid(raw_space, n) : invalid(raw_space, family, n);
        const keys k = which == 0 ? valid(space, n) : invalid(space, family, n);
        std::vector<double> whole_factor;
        for (std::size_t i = 0; i < three_sites.size(); ++i) {
          const index_t d = three_sites[i].shape.size();
          // Site 2 is the widest; with a shared key only the whole key has the standard deviation asked for.
          const bool is_whole = c.per_site_key || i == 1;
          if (is_whole && rescale == rescale_kind::pooled) {
            CHECK(plain_std(k.values[i].data(), n * d) == doctest::Approx(0.45).epsilon(1e-5));
          }
          for (index_t s = 0; s < n; ++s) {
            if (is_whole && rescale == rescale_kind::per_key) {
              CHECK(plain_std(k.row(i, s, d), d) == doctest::Approx(0.45).epsilon(1e-5));
            }
            CHECK(cosine(k.row(i, s, d), raw.row(i, s, d), d) == doctest::Approx(1).epsilon(1e-6));
            const double factor = std::sqrt(dot(k.row(i, s, d), k.row(i, s, d), d) /
                                            dot(raw.row(i, s, d), raw.row(i, s, d), d));
            // One factor per key with a shared key, one per site and batch where the standard deviation is
            // pooled.
            if (!c.per_site_key) {
              if (i == 0) whole_factor.push_back(factor);
              CHECK(factor == doctest::Approx(whole_factor[static_cast<std::size_t>(s)]).epsilon(1e-5));
            }
            if (rescale == rescale_kind::pooled) {
              const double first = std::sqrt(dot(k.row(i, 0, d), k.row(i, 0, d), d) /
                                             dot(raw.row(i, 0, d), raw.row(i, 0, d), d));
              CHECK(factor == doctest::Approx(first).epsilon(1e-5));
            }
          }
        }
      }
    }
  }
}

TEST_CASE("pooled keys differ in their own standard deviation, as the reference's do") {
  key_space_config c;
  c.subspace_dim = 4;
  key_space space(c, {site{0, {3, 16, 16}}});
  const index_t n = 300, d = 768;
  const keys k = valid(space, n);
  std::vector<float> spread;
  for (index_t s = 0; s < n; ++s) spread.push_back(static_cast<float>(plain_std(k.row(0, s, d), d)));
  // 27 % at m = 4 (docs/method.md).
  CHECK(plain_std(spread.data(), n) == doctest::Approx(0.27).epsilon(0.2));
}

TEST_CASE("a shared key is one vector: every site has its prefix in file order") {
  key_space space(arranged(false, false), three_sites);
  const index_t n = 3;
  const keys ok = valid(space, n), wrong = invalid(space, invalid_family::gaussian, n);
  for (index_t s = 0; s < n; ++s) {
    const auto whole_ok = in_file_order(three_sites[1].shape, ok.row(1, s, 2048));
    const auto whole_wrong = in_file_order(three_sites[1].shape, wrong.row(1, s, 2048));
    for (const std::size_t i : {std::size_t{0}, std::size_t{2}}) {
      const extents e = three_sites[i].shape;
      const auto part_ok = in_file_order(e, ok.row(i, s, e.size()));
      const auto part_wrong = in_file_order(e, wrong.row(i, s, e.size()));
      double worst = 0;
      for (std::size_t j = 0; j < part_ok.size(); ++j) {
        worst = std::max(worst, static_cast<double>(std::abs(part_ok[j] - whole_ok[j])));
      }
      CHECK(worst < 2e-6);
      CHECK(std::equal(part_wrong.begin(), part_wrong.end(), whole_wrong.begin()));
    }
  }
}

TEST_CASE("bases: shared ones are prefixes, own ones come from seed + site number") {
  const key_space shared(arranged(true, false), three_sites), own(arranged(true, true), three_sites);
  const auto wide = shared.subspace_of(1).basis_in_file_order();
  const auto narrow = shared.subspace_of(2).basis_in_file_order();
  for (std::size_t row = 0; row < 8; ++row) {
    CHECK(std::equal(narrow.begin() + static_cast<index_t>(row * 256),
                     narrow.begin() + static_cast<index_t>(row * 256 + 256),
                     wide.begin() + static_cast<index_t>(row * 2048)));
  }
  CHECK(wide == draw_basis(basis_kind::uniform, 8, 2048, random_source(42, stream::basis)));
  for (std::size_t i = 0; i < three_sites.size(); ++i) {
    const random_source source(42 + static_cast<std::uint64_t>(three_sites[i].number), stream::basis);
    CHECK(own.subspace_of(static_cast<index_t>(i)).basis_in_file_order() ==
          draw_basis(basis_kind::uniform, 8, three_sites[i].shape.size(), source));
  }
}

TEST_CASE(
    "with own keys, a site's coefficients differ from another's and do not depend on which others exist") {
  key_space all(arranged(true, true), three_sites), one(arranged(true, true), {three_sites[1]});
  CHECK(valid(all, 3).values[1] == valid(one, 3).values[0]);
  CHECK(invalid(all, invalid_family::gaussian, 3).values[1] ==
        invalid(one, invalid_family::gaussian, 3).values[0]);

  // Two equal sites on one shared basis: equal keys would mean equal coefficients.
  key_space twins(arranged(true, false), {site{0, {64}}, site{1, {64}}});
  const keys ok = valid(twins, 1), wrong = invalid(twins, invalid_family::gaussian, 1);
  CHECK(ok.values[0] != ok.values[1]);
  CHECK(wrong.values[0] != wrong.values[1]);
}

TEST_CASE("the numbers of own keys start at site number * 2^40") {
  auto c = arranged(true, true);
  c.key_std = 0;
  c.coefficients = coefficient_kind::gaussian;
  key_space space(c, {site{3, {64}}});
  const keys wrong = invalid(space, invalid_family::gaussian, 2);
  const random_source numbers(1, stream::invalid_keys);
  const std::uint64_t base = std::uint64_t{3} << 40;
  CHECK(static_cast<double>(wrong.row(0, 1, 64)[5]) ==
        doctest::Approx(numbers.gaussian(base + 64 + 5)).epsilon(1e-6));

  std::vector<float> alpha(2 * 8), expected(2 * 64);
  fill_gaussian(random_source(1, stream::coefficients), base, alpha.data(), 16);
  space.subspace_of(0).combine(alpha.data(), 2, expected.data());
  CHECK(valid(space, 2).values[0] == expected);
}

TEST_CASE("same seed, same keys; another seed, step or sample, another key") {
  for (const auto& c : arrangements) {
    key_space a(c, three_sites), b(c, three_sites);
    CHECK(valid(a, 5, 3).values == valid(b, 5, 3).values);
    // A draw leaves nothing behind that the next one depends on.
    static_cast<void>(invalid(a, invalid_family::orthogonal, 9));
    CHECK(valid(a, 5, 3).values == valid(b, 5, 3).values);
    CHECK(invalid(a, invalid_family::gaussian, 5, 3).values ==
          invalid(b, invalid_family::gaussian, 5, 3).values);
    CHECK(valid(a, 5, 3).values != valid(a, 5, 4).values);
    auto other = c;
    other.seed = 43;
    key_space different(other, three_sites);
    CHECK(valid(a, 5, 3).values != valid(different, 5, 3).values);
    const keys k = valid(a, 2);
    CHECK_FALSE(std::equal(k.row(0, 0, 768), k.row(0, 1, 768), k.row(0, 1, 768)));
  }
}

TEST_CASE("the same bits for 1, 2 and 3 threads") {
  for (const auto& c : arrangements) {
    std::vector<keys> first;
    for (const index_t threads : {1, 2, 3}) {
      const thread_limit limit(threads);
      key_space space(c, three_sites);
      const std::vector<keys> now{valid(space, 33), invalid(space, invalid_family::gaussian, 33),
                                  invalid(space, invalid_family::orthogonal, 33)};
      if (threads == 1) first = now;
      for (std::size_t i = 0; i < now.size(); ++i) CHECK(now[i].values == first[i].values);
    }
  }
}

TEST_CASE("a key space built from its own bases draws the same keys") {
  for (auto c : arrangements) {
    c.basis = basis_kind::orthonormal;
    key_space drawn(c, three_sites);
    std::vector<secret_vector<float>> stored;
    for (index_t i = 0; i < 3; ++i) stored.push_back(drawn.subspace_of(i).basis_in_file_order());
    std::vector<std::span<const float>> bases(stored.begin(), stored.end());
    key_space loaded(c, three_sites, bases);
    CHECK(valid(loaded, 4).values == valid(drawn, 4).values);
    CHECK(invalid(loaded, invalid_family::orthogonal, 4).values ==
          invalid(drawn, invalid_family::orthogonal, 4).values);

    auto fewer = bases;
    fewer.pop_back();
    CHECK(id_of([&] { key_space(c, three_sites, fewer); }) == "key.112");
    auto shorter = bases;
    shorter[1] = shorter[1].first(shorter[1].size() - 1);
    CHECK(id_of([&] { key_space(c, three_sites, shorter); }) == "key.112");
    stored[2][300] += 0.5F;
    CHECK(id_of([&] { key_space(c, three_sites, bases); }) == (c.per_site_basis ? "no error" : "key.112"));
    std::fill(stored[1].begin(), stored[1].end(), 0.0F);
    CHECK(id_of([&] { key_space(c, {three_sites[1]}, std::span(bases).subspan(1, 1)); }) == "key.113");
  }
}

TEST_CASE("a refused draw writes nothing") {
  auto c = arranged(true, false);
  c.subspace_dim = 16;
  key_space space(c, {site{0, {64}}, site{1, {16}}});
  keys k(space.sites(), 2);
  const auto before = k.values;
  const random_source source(1, stream::coefficients);
  CHECK(id_of([&] { space.draw_valid(source, 0, k.outputs); }) == "key.115");
  CHECK(id_of([&] { space.draw_valid(source, 2, std::span(k.outputs).first(1)); }) == "key.115");
  CHECK(id_of([&] { space.draw_invalid(invalid_family::orthogonal, source, 2, k.outputs); }) == "key.114");
  CHECK(k.values == before);
}
