// Invalid keys of every family as a key space draws them, at all sites of all arrangements, and their mixtures.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <vector>

#include "drawn_keys.hpp"
#include "error_probe.hpp"
#include "spankey/backend/cpu/parallel.hpp"
#include "spankey/key/sampler.hpp"

using namespace spankey;

namespace {
using namespace drawn_keys;
using spankey_test::id_of;

std::vector<invalid_rule> rules_of(const key_space_config& c) {
  std::vector<invalid_rule> rules;
  for (const auto& entry : invalid_names) {
    if (id_of([&] { require_rule(entry.value, c, three_sites); }) == "no error") rules.push_back(entry.value);
  }
  return rules;
}
double norm(const float* key, index_t d) { return std::sqrt(dot(key, key, d)); }

// The valid keys that invalid ones are made of: minus the negated ones.
keys origin(key_space& space, index_t n) {
  keys k = invalid(space, invalid_family::negated, n);
  for (auto& site_keys : k.values)
    for (float& x : site_keys) x = -x;
  return k;
}

keys mixed(key_space& space, const std::vector<weighted_rule>& mixture, index_t n, std::uint64_t step = 0) {
  keys k(space.sites(), n);
  space.draw_invalid_mixture(mixture, random_source(1, stream::invalid_keys, step), n, k.outputs);
  return k;
}
}  // namespace

TEST_CASE("every arrangement has every family but other_site, which needs bases of its own") {
  CHECK(rules_of(arrangements[0]).size() == invalid_names.size() - 1);
  CHECK(rules_of(arrangements[1]).size() == invalid_names.size() - 1);
  CHECK(rules_of(arrangements[2]).size() == invalid_names.size());
}

TEST_CASE("every family keeps the size that is stated for it, at every site") {
  const index_t n = 5;
  for (auto c : arrangements) {
    c.rescale = rescale_kind::per_key;
    c.key_std = 0.45F;
    key_space space(c, three_sites);
    const keys valid_ones = origin(space, n);
    for (std::size_t i = 0; i < three_sites.size(); ++i) {
      const subspace& span = space.subspace_of(static_cast<index_t>(i));
      const index_t d = span.size();
      const bool is_whole = c.per_site_key || i == 1;
      const auto drawn = [&](const invalid_rule& rule) { return invalid(space, rule, n); };
      const keys matched = drawn(invalid_family::norm_matched), turned = drawn({invalid_family::angle, 60}),
                 permuted = drawn(invalid_family::permuted), flipped = drawn(invalid_family::sign_flipped),
                 scaled = drawn({invalid_family::scaled, 3}), centred = drawn(invalid_family::zero_mean),
                 zero = drawn(invalid_family::zero), constant = drawn(invalid_family::constant);
      for (index_t s = 0; s < n; ++s) {
        const float* const v = valid_ones.row(i, s, d);
        CHECK(span.energy_share(v) == doctest::Approx(1).epsilon(1e-5));
        if (is_whole) CHECK(plain_std(v, d) == doctest::Approx(0.45).epsilon(1e-5));
        for (const keys* k : {&matched, &turned, &permuted, &flipped})
          CHECK(norm(k->row(i, s, d), d) == doctest::Approx(norm(v, d)).epsilon(1e-5));
        CHECK(cosine(turned.row(i, s, d), v, d) == doctest::Approx(0.5).epsilon(1e-4));
        CHECK(norm(scaled.row(i, s, d), d) == doctest::Approx(3 * norm(v, d)).epsilon(1e-5));
        CHECK(cosine(scaled.row(i, s, d), v, d) == doctest::Approx(1).epsilon(1e-6));
        if (is_whole) CHECK(plain_std(centred.row(i, s, d), d) == doctest::Approx(0.45).epsilon(1e-5));
        CHECK(span.energy_share(centred.row(i, s, d)) == doctest::Approx(1).epsilon(1e-5));
        CHECK(norm(zero.row(i, s, d), d) == 0);
        CHECK(std::count(constant.row(i, s, d), constant.row(i, s, d) + d, 0.45F) == d);
      }
    }
  }
}

TEST_CASE("zero_mean keys have no part in the direction that all unit-cube keys share") {
  // The basis is the identity, so that keys show their coefficients.
  const index_t m = 16, n = 20;
  std::vector<float> identity(static_cast<std::size_t>(m * m));
  for (index_t i = 0; i < m; ++i) identity[static_cast<std::size_t>(i * m + i)] = 1;
  const std::vector<std::span<const float>> bases{identity};
  key_space space({.subspace_dim = m}, {site{0, {m}}}, bases);
  const std::vector<float> ones(static_cast<std::size_t>(m), 1.0F);
  const keys centred = invalid(space, invalid_family::zero_mean, n), valid_ones = origin(space, n);
  for (index_t s = 0; s < n; ++s) {
    CHECK(std::abs(cosine(centred.row(0, s, m), ones.data(), m)) < 1e-6);
    CHECK(cosine(valid_ones.row(0, s, m), ones.data(), m) > 0.6);
  }
}

TEST_CASE("other_space keys are valid in the key space of the other seed, and in no way here") {
  const index_t n = 4;
  for (auto c : arrangements) {
    key_space space(c, three_sites);
    c.seed = other_space_seed(c.seed);
    key_space other(c, three_sites);
    CHECK(invalid(space, invalid_family::other_space, n).values == origin(other, n).values);
    const keys k = invalid(space, invalid_family::other_space, n);
    for (std::size_t i = 0; i < three_sites.size(); ++i) {
      const subspace& span = space.subspace_of(static_cast<index_t>(i));
      for (index_t s = 0; s < n; ++s) CHECK(span.energy_share(k.row(i, s, span.size())) < 0.2);
    }
  }
}

TEST_CASE("other_site keys are the next site's valid ones in file order, cut or repeated") {
  key_space space(arrangements[2], three_sites);
  const index_t n = 3;
  const keys k = invalid(space, invalid_family::other_site, n), valid_ones = origin(space, n);
  for (std::size_t i = 0; i < three_sites.size(); ++i) {
    const extents here = three_sites[i].shape, there = three_sites[(i + 1) % 3].shape;
    for (index_t s = 0; s < n; ++s) {
      const auto found = in_file_order(here, k.row(i, s, here.size()));
      const auto from = in_file_order(there, valid_ones.row((i + 1) % 3, s, there.size()));
      for (std::size_t f = 0; f < found.size(); ++f) CHECK(found[f] == from[f % from.size()]);
      CHECK(space.subspace_of(static_cast<index_t>(i)).energy_share(k.row(i, s, here.size())) < 0.3);
    }
  }
}

TEST_CASE("partial keys are valid at some sites, and at the others nothing or Gaussian, by sample") {
  const index_t n = 60;
  for (auto c : arrangements) {
    c.rescale = rescale_kind::per_key;
    key_space space(c, three_sites);
    const keys valid_ones = origin(space, n), nothing_else = invalid(space, invalid_family::partial, n),
               gaussian_else = invalid(space, invalid_family::partial_gaussian, n);
    std::set<std::vector<bool>> seen;
    for (index_t s = 0; s < n; ++s) {
      std::vector<bool> has;
      for (std::size_t i = 0; i < three_sites.size(); ++i) {
        const index_t d = three_sites[i].shape.size();
        const auto is_valid = [&](const keys& k) {
          return std::equal(k.row(i, s, d), k.row(i, s, d) + d, valid_ones.row(i, s, d));
        };
        has.push_back(is_valid(nothing_else));
        CHECK(is_valid(gaussian_else) == has.back());
        if (has.back()) continue;
        CHECK(norm(nothing_else.row(i, s, d), d) == 0);
        CHECK(plain_std(gaussian_else.row(i, s, d), d) == doctest::Approx(c.key_std).epsilon(1e-5));
        CHECK(space.subspace_of(static_cast<index_t>(i)).energy_share(gaussian_else.row(i, s, d)) < 0.2);
      }
      seen.insert(has);
    }
    CHECK(seen.size() == 6);  // of eight: neither all nor none
  }
}

TEST_CASE(
    "every family: a sample's key depends on seed, step and sample, not on how many are drawn or by whom") {
  for (auto c : arrangements) {
    c.rescale = rescale_kind::per_key;
    key_space space(c, three_sites), twin(c, three_sites);
    for (const invalid_rule& rule : rules_of(c)) {
      CAPTURE(name_of(rule.family));
      const keys seven = invalid(space, rule, 7, 3);
      const keys three = [&] {
        const thread_limit limit(1);
        return invalid(twin, rule, 3, 3);
      }();
      const bool drawn = origin_of(rule.family) != invalid_origin::nothing;
      for (std::size_t i = 0; i < three_sites.size(); ++i) {
        const index_t d = three_sites[i].shape.size();
        CHECK(std::equal(three.values[i].begin(), three.values[i].end(), seven.values[i].begin()));
        // Two samples may both lack their part of one site.
        if (rule.family != invalid_family::partial)
          CHECK(std::equal(seven.row(i, 0, d), seven.row(i, 1, d), seven.row(i, 1, d)) != drawn);
      }
      CHECK((invalid(space, rule, 7, 4).values == seven.values) != drawn);
    }
  }
}

TEST_CASE("no family is another one, and none is the sample's valid key") {
  const auto c = arrangements[2];
  key_space space(c, three_sites);
  std::vector<std::vector<std::vector<float>>> found{origin(space, 1).values};
  for (const invalid_rule& rule : rules_of(c)) {
    const auto k = invalid(space, rule, 1).values;
    CHECK(std::find(found.begin(), found.end(), k) == found.end());
    found.push_back(k);
  }
}

TEST_CASE("a mixture's keys: each is what its rule gives for that sample alone, at every site") {
  const index_t n = 40;
  for (auto c : arrangements) {
    std::vector<weighted_rule> mixture;
    for (const invalid_rule& rule : rules_of(c)) mixture.push_back({rule, 1});
    mixture.push_back({{invalid_family::angle, 10}, 2});
    c.rescale = rescale_kind::per_key;
    key_space alone(c, three_sites);
    std::vector<keys> expected;
    for (const weighted_rule& w : mixture) expected.push_back(invalid(alone, w.rule, n));
    c.rescale = rescale_kind::pooled;
    for (const auto& config : {c, alone.config()}) {
      key_space space(config, three_sites);
      const keys k = mixed(space, mixture, n);
      for (index_t s = 0; s < n; ++s) {
        const std::size_t rule =
            rule_of_sample(mixture, random_source(1, stream::invalid_keys), std::uint64_t{1} << 63, s);
        for (std::size_t i = 0; i < three_sites.size(); ++i) {
          const index_t d = three_sites[i].shape.size();
          CHECK(std::equal(k.row(i, s, d), k.row(i, s, d) + d, expected[rule].row(i, s, d)));
        }
      }
    }
  }
}

TEST_CASE("a mixture of one rule is that rule, and refused draws write nothing") {
  auto c = arrangements[1];
  c.rescale = rescale_kind::per_key;
  key_space space(c, three_sites);
  CHECK(mixed(space, {{invalid_family::orthogonal}}, 6).values ==
        invalid(space, invalid_family::orthogonal, 6).values);

  keys k(space.sites(), 2);
  const auto before = k.values;
  const random_source source(1, stream::invalid_keys);
  const auto with = [&](const std::vector<weighted_rule>& mixture, index_t n) {
    return id_of([&] { space.draw_invalid_mixture(mixture, source, n, k.outputs); });
  };
  const weighted_rule good{invalid_family::gaussian};
  CHECK(with({}, 2) == "key.121");
  CHECK(with({good, {invalid_family::other_site, 0}}, 2) == "key.118");
  CHECK(with({good}, 0) == "key.115");
  CHECK(id_of([&] { space.draw_invalid({invalid_family::angle, -1}, source, 2, k.outputs); }) == "key.120");
  CHECK(k.values == before);
}
