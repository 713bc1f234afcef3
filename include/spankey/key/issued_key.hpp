// One valid key of a key space as the holder of a product gets it: apart from the space, under a number.
//
//   key i = alpha B of every site, rescaled as the space says for a key on its own
//   alpha   from (seed of the space, stream issued_keys, i): no key of an evaluation, and as secret as that seed
// Sites in the order of their numbers, elements in (C, H, W): what infer/session.hpp binds, and what files hold.
// Keys are drawn in memory order; in_file_order is the way from there.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "spankey/core/compiled.hpp"
#include "spankey/key/sampler.hpp"

namespace spankey {

/// The key of one site, C x H x W elements in this order.
struct site_key {
  site at;
  secret_vector<float> values;
};

/// drawn[i]: one key of sites[i] in memory order.
SPANKEY_INLINE std::vector<site_key> in_file_order(std::span<const site> sites,
                                                   std::span<const float* const> drawn);

/// Where the coefficients of issued key `index` < 2^32 come from: for draw_valid.
inline random_source issued_key_source(const key_space& keys, std::uint64_t index) {
  return {keys.config().seed, stream::issued_keys, index};
}

/// Issued key `index` < 2^32: the same in every program that has the space.
SPANKEY_INLINE std::vector<site_key> issue_key(key_space& keys, std::uint64_t index);

}  // namespace spankey

#if !defined(SPANKEY_COMPILED)
#include "spankey/key/issued_key.inl"
#endif
