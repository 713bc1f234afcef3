// One valid key of a key space as the holder of a product gets it: apart from the space, under a number.
//
//   key i = alpha B of every site, rescaled as the space says for a key on its own
//   alpha   from (seed of the space, stream issued_keys, i): no key of an evaluation, and as secret as that seed
// Sites in the order of their numbers, elements in (C, H, W): what infer/session.hpp binds, and what files hold.
// Keys are drawn in memory order; in_file_order is the way from there.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "spankey/key/sampler.hpp"

namespace spankey {

/// The key of one site, C x H x W elements in this order.
struct site_key {
  site at;
  secret_vector<float> values;
};

/// drawn[i]: one key of sites[i] in memory order.
inline std::vector<site_key> in_file_order(std::span<const site> sites, std::span<const float* const> drawn) {
  if (drawn.size() != sites.size()) {
    fail("key.122", "in_file_order", "expected ", sites.size(), " keys, one per site, found ", drawn.size());
  }
  std::vector<site_key> keys;
  keys.reserve(sites.size());
  for (std::size_t s = 0; s < sites.size(); ++s) {
    const extents& shape = sites[s].shape;
    site_key& key =
        keys.emplace_back(site_key{sites[s], secret_vector<float>(static_cast<std::size_t>(shape.size()))});
    for (index_t i = 0; i < shape.size(); ++i)
      key.values[static_cast<std::size_t>(file_index(shape, i))] = drawn[s][i];
  }
  std::sort(keys.begin(), keys.end(),
            [](const site_key& a, const site_key& b) { return a.at.number < b.at.number; });
  return keys;
}

/// Where the coefficients of issued key `index` < 2^32 come from: for draw_valid.
inline random_source issued_key_source(const key_space& keys, std::uint64_t index) {
  return {keys.config().seed, stream::issued_keys, index};
}

/// Issued key `index` < 2^32: the same in every program that has the space.
inline std::vector<site_key> issue_key(key_space& keys, std::uint64_t index) {
  std::vector<secret_vector<float>> drawn;
  std::vector<float*> outputs;
  drawn.reserve(keys.sites().size());
  for (const site& s : keys.sites())
    outputs.push_back(drawn.emplace_back(static_cast<std::size_t>(s.shape.size())).data());
  keys.draw_valid(issued_key_source(keys, index), 1, outputs);
  return in_file_order(keys.sites(), std::vector<const float*>(outputs.begin(), outputs.end()));
}

}  // namespace spankey
