// Keys of a batch as a network reads them (inject/key_site.hpp says what it does with them).
#pragma once

#include <array>
#include <cstddef>
#include <span>

#include "spankey/core/shape.hpp"
#include "spankey/layer/layer.hpp"

namespace spankey {

/// Keys of one group at one site, whose key has d numbers. `stride` d: one key a sample, (N/G, d); 0: one key for all
/// samples, d numbers. Without data: no key.
template <class T>
struct group_keys {
  std::span<const T> values{};
  index_t stride = 0;
};

/// Keys of one site for every group of a batch, in the site's memory order (channels last).
template <class T>
struct site_keys {
  std::array<group_keys<T>, max_groups> group{};
  /// Where backward writes (=) dLoss/dkey of a group, (N/G, d); without data: not wanted. Groups without a key write
  /// nothing.
  std::array<std::span<T>, max_groups> gradient{};
};

/// Keys of every site of a model.
template <class T, std::size_t Sites>
using model_keys = std::array<site_keys<T>, Sites>;

}  // namespace spankey
