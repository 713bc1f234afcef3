// What key/issued_key.hpp declares.
#pragma once

#include <algorithm>

#include "spankey/key/issued_key.hpp"

namespace spankey {

std::vector<site_key> in_file_order(std::span<const site> sites, std::span<const float* const> drawn) {
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

std::vector<site_key> issue_key(key_space& keys, std::uint64_t index) {
  std::vector<secret_vector<float>> drawn;
  std::vector<float*> outputs;
  drawn.reserve(keys.sites().size());
  for (const site& s : keys.sites())
    outputs.push_back(drawn.emplace_back(static_cast<std::size_t>(s.shape.size())).data());
  keys.draw_valid(issued_key_source(keys, index), 1, outputs);
  return in_file_order(keys.sites(), std::vector<const float*>(outputs.begin(), outputs.end()));
}

}  // namespace spankey
