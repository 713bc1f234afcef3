// Whether numbers are a key of a key space, without a forward pass: the share of their energy that lies outside its spans.
//
//   share = 1 - |Q k|^2 / |k|^2, of the site where it is largest
// 0 of a valid key but for the rounding of Q to float (about 1e-7); about 1 - m/d of numbers that know nothing of the span.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>

#include "spankey/core/error.hpp"
#include "spankey/core/secret.hpp"
#include "spankey/key/issued_key.hpp"
#include "spankey/key/sampler.hpp"

namespace spankey {

/// The largest share that a valid key comes to.
inline constexpr double most_outside = 1e-5;

/// Fails with key.126 where the key is not one of exactly these sites. A key of zeros lies outside.
inline double share_outside(const key_space& keys, std::span<const site_key> key) {
  if (key.size() != keys.sites().size())
    fail("key.126", "key", "expected ", keys.sites().size(), " sites, found ", key.size());
  double most = 0;
  for (std::size_t s = 0; s < keys.sites().size(); ++s) {
    const site& at = keys.sites()[s];
    const auto own = std::find_if(key.begin(), key.end(), [&](const site_key& k) { return k.at == at; });
    if (own == key.end() || own->values.size() != static_cast<std::size_t>(at.shape.size()))
      fail("key.126", "site " + std::to_string(at.number), "expected a key of C=", at.shape.channels,
           " H=", at.shape.height, " W=", at.shape.width, ", found none");
    secret_vector<float> in_memory(own->values.size());
    for (index_t i = 0; i < at.shape.size(); ++i)
      in_memory[static_cast<std::size_t>(i)] = own->values[static_cast<std::size_t>(file_index(at.shape, i))];
    most = std::max(most, 1 - keys.subspace_of(static_cast<index_t>(s)).energy_share(in_memory.data()));
  }
  return most;
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
