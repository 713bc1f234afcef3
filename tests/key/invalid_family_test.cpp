#include "spankey/key/invalid_family.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <set>
#include <vector>

#include "error_probe.hpp"

using namespace spankey;

namespace {
using spankey_test::id_of;

const std::vector<site> two_sites{{0, {64}}, {1, {16}}};

std::string refusal(const invalid_rule& rule,
                    key_space_config config = {
                        .subspace_dim = 4, .per_site_key = true, .per_site_basis = true}) {
  return id_of([&] { require_rule(rule, config, two_sites); });
}
}  // namespace

TEST_CASE("names of families: every one has its own, both ways") {
  std::set<std::string_view> names;
  for (const auto& entry : invalid_names) {
    CHECK(parse_invalid(entry.name) == entry.value);
    CHECK(name_of(entry.value) == entry.name);
    names.insert(entry.name);
  }
  CHECK(names.size() == invalid_names.size());
  CHECK(static_cast<std::size_t>(invalid_family::constant) + 1 == invalid_names.size());
  CHECK_THROWS_WITH(parse_invalid("zeros"), doctest::Contains("[spankey.key.104]"));
}

TEST_CASE("origins: only noise is rescaled") {
  std::vector<invalid_family> noise;
  for (const auto& entry : invalid_names)
    if (origin_of(entry.value) == invalid_origin::noise) noise.push_back(entry.value);
  CHECK(noise == std::vector<invalid_family>{invalid_family::gaussian, invalid_family::orthogonal});
  CHECK(origin_of(invalid_family::norm_matched) == invalid_origin::valid_key);
  CHECK(origin_of(invalid_family::zero_mean) == invalid_origin::valid_key);
  CHECK(origin_of(invalid_family::other_space) == invalid_origin::other_space);
  CHECK(origin_of(invalid_family::other_site) == invalid_origin::other_site);
  CHECK(origin_of(invalid_family::zero) == invalid_origin::nothing);
}

TEST_CASE("partial keys: what stands where they are not valid") {
  CHECK(is_partial(invalid_family::partial));
  CHECK(is_partial(invalid_family::partial_gaussian));
  CHECK_FALSE(is_partial(invalid_family::zero_mean));
  CHECK(rest_of(invalid_family::partial) == invalid_family::zero);
  CHECK(rest_of(invalid_family::partial_gaussian) == invalid_family::gaussian);
}

TEST_CASE("every family with its own amount is a rule that a key space takes") {
  for (const auto& entry : invalid_names) {
    CAPTURE(entry.name);
    CHECK(refusal(entry.value) == "no error");
  }
  CHECK(invalid_rule(invalid_family::angle).amount == 45);
  CHECK(invalid_rule(invalid_family::scaled).amount == 2);
  CHECK(invalid_rule(invalid_family::constant).amount == 1);
}

TEST_CASE("amounts out of range are refused") {
  const double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
  for (const double wrong : {0.0, -1.0, 180.5, nan})
    CHECK(refusal({invalid_family::angle, wrong}) == "key.120");
  CHECK(refusal({invalid_family::angle, 180}) == "no error");
  for (const double wrong : {0.0, 1.0, inf, nan})
    CHECK(refusal({invalid_family::scaled, wrong}) == "key.120");
  CHECK(refusal({invalid_family::scaled, -1}) == "no error");
  for (const double wrong : {0.0, inf, nan}) CHECK(refusal({invalid_family::constant, wrong}) == "key.120");
  CHECK(refusal({invalid_family::gaussian, 1}) == "key.120");
}

TEST_CASE("families that a key space cannot have") {
  for (const auto family : {invalid_family::orthogonal, invalid_family::angle})
    CHECK(refusal(family, {.subspace_dim = 16}) == "key.114");
  CHECK(refusal(invalid_family::norm_matched, {.subspace_dim = 16}) == "no error");

  CHECK(refusal(invalid_family::other_site, {.subspace_dim = 4, .per_site_key = true}) == "key.118");
  const key_space_config own{.subspace_dim = 4, .per_site_key = true, .per_site_basis = true};
  CHECK(id_of([&] {
          require_rule(invalid_family::other_site, own, std::span<const site>(two_sites).first(1));
        }) == "key.118");
  for (const auto family : {invalid_family::partial, invalid_family::partial_gaussian}) {
    CHECK(refusal(family, {.subspace_dim = 4}) == "no error");
    CHECK(id_of([&] { require_rule(family, own, std::span<const site>(two_sites).first(1)); }) == "key.118");
  }

  for (const auto family : {invalid_family::negated, invalid_family::scaled, invalid_family::zero_mean})
    for (const auto kind : {coefficient_kind::gaussian, coefficient_kind::sphere})
      CHECK(refusal(family, {.subspace_dim = 4, .coefficients = kind}) == "key.119");
  CHECK(refusal(invalid_family::scaled, {.subspace_dim = 4, .offset = 0}) == "key.119");
  CHECK(refusal(invalid_family::scaled,
                {.subspace_dim = 4, .coefficients = coefficient_kind::gaussian, .offset = 1}) == "no error");
  CHECK(refusal(invalid_family::zero_mean, {.subspace_dim = 1}) == "key.119");
  CHECK(refusal(invalid_family::negated, {.subspace_dim = 1}) == "no error");
}
