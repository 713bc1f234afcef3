#include "spankey/key/key_space_config.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <vector>

#include "error_probe.hpp"

using namespace spankey;

namespace {
using spankey_test::id_of;

const std::vector<site> three_sites{{0, {3, 16, 16}}, {2, {32, 8, 8}}, {4, {64, 2, 2}}};
}  // namespace

TEST_CASE("defaults are the reference's") {
  const key_space_config c;
  CHECK(c.subspace_dim == 32);
  CHECK(c.basis == basis_kind::uniform);
  CHECK(c.coefficients == coefficient_kind::unit_cube);
  CHECK(c.law().offset == 0.5);
  CHECK(c.law().spread == 0.5);
  CHECK(c.rescale == rescale_kind::pooled);
  CHECK(c.key_std == 1.0F);
  CHECK_FALSE(c.per_site_key);
  CHECK_FALSE(c.per_site_basis);
}

TEST_CASE("offset and spread: the kind's own unless said otherwise") {
  key_space_config c{.coefficients = coefficient_kind::sphere};
  CHECK(c.law().kind == coefficient_kind::sphere);
  CHECK(c.law().offset == 0);
  CHECK(c.law().spread == 1);
  c.offset = 0.25;
  CHECK(c.law().offset == 0.25);
  CHECK(c.law().spread == 1);
  c.spread = 3;
  CHECK(c.law().spread == 3);
}

TEST_CASE("bad configurations are refused before any work") {
  const auto id = [](auto change, std::vector<site> sites = three_sites) {
    key_space_config c{.subspace_dim = 8, .per_site_key = true};
    change(c);
    return id_of([&] { require_key_space(c, sites); });
  };
  const auto nothing = [](key_space_config&) {};
  CHECK(id(nothing) == "no error");
  CHECK(id([](key_space_config& c) { c.subspace_dim = 0; }) == "key.105");
  CHECK(id([](key_space_config& c) { c.subspace_dim = -3; }) == "key.105");
  CHECK(id([](key_space_config& c) { c.subspace_dim = 257; }) == "key.106");
  CHECK(id([](key_space_config& c) { c.subspace_dim = 256; }) == "no error");
  CHECK(id([](key_space_config& c) { c.key_std = -1; }) == "key.107");
  CHECK(id([](key_space_config& c) { c.key_std = std::numeric_limits<float>::quiet_NaN(); }) == "key.107");
  CHECK(id([](key_space_config& c) { c.key_std = std::numeric_limits<float>::infinity(); }) == "key.107");
  for (const double wrong :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    CHECK(id([&](key_space_config& c) { c.offset = wrong; }) == "key.117");
    CHECK(id([&](key_space_config& c) { c.spread = wrong; }) == "key.117");
  }
  CHECK(id([](key_space_config& c) { c.spread = 0; }) == "key.117");
  CHECK(id([](key_space_config& c) { c.spread = -1; }) == "key.117");
  CHECK(id([](key_space_config& c) { c.offset = -1; }) == "no error");
  CHECK(id([](key_space_config& c) {
          c.per_site_key = false;
          c.per_site_basis = true;
        }) == "key.116");
  CHECK(id(nothing, {}) == "key.108");
  CHECK(id(nothing, {three_sites[0], three_sites[1], three_sites[0]}) == "key.109");
  CHECK(id(nothing, {site{-1, {64}}}) == "key.110");
  CHECK(id(nothing, {site{0, {64, 0, 1}}}) == "key.110");
  CHECK(id([](key_space_config& c) { c.subspace_dim = 1; }, {site{0, {1}}}) == "key.111");
}
