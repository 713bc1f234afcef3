#include "spankey/key/membership.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "error_probe.hpp"

using namespace spankey;
using spankey_test::check_refused;

TEST_CASE("membership: valid keys lie inside, one number more takes them out, and other keys were never in") {
  for (const bool own : {false, true}) {
    key_space_config config{.subspace_dim = 6};
    config.per_site_key = config.per_site_basis = own, config.seed = 4;
    key_space keys(config, {{2, {3, 6, 5}}, {0, {2, 5, 5}}});
    for (std::uint64_t index = 0; index < 20; ++index) {
      std::vector<site_key> key = issue_key(keys, index);
      CHECK(share_outside(keys, key) < most_outside);
      key[1].values[7] += 0.5F;
      CHECK(share_outside(keys, key) > 100 * most_outside);
    }
    config.seed = 5;
    key_space other(config, {{2, {3, 6, 5}}, {0, {2, 5, 5}}});
    std::vector<site_key> key = issue_key(other, 0);
    CHECK(share_outside(keys, key) > 0.5);
    for (site_key& k : key) std::fill(k.values.begin(), k.values.end(), 0.0F);
    CHECK(share_outside(keys, key) == 1);
    key.pop_back();
    check_refused([&] { (void)share_outside(keys, key); }, "key.126", {"2 sites"});
    std::vector<site_key> turned = issue_key(keys, 0);
    std::swap(turned[0].at.shape.channels, turned[0].at.shape.height);
    check_refused([&] { (void)share_outside(keys, turned); }, "key.126", {"site 0"});
  }
}
