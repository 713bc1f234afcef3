// Blocks of standard normal numbers: out[i] = float(source.gaussian(first + i)), i in [0, n).
//
// One Philox block gives four words, two Box-Muller pairs, four numbers; asking random_source::gaussian for
// each of them would compute the same block four times and each logarithm twice. The values are the same, bit
// for bit. Overwrites out. Serial: callers cut the range into blocks, any cut gives the same numbers.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>

#include "spankey/core/random.hpp"
#include "spankey/core/shape.hpp"

namespace spankey {

/// Writes n normal numbers with indices first, first + 1, ...; any first, n >= 0.
inline void fill_gaussian(const random_source& source, std::uint64_t first, float* out, index_t n) {
  index_t i = 0;
  const auto one = [&] {
    out[i] = static_cast<float>(source.gaussian(first + static_cast<std::uint64_t>(i)));
    ++i;
  };
  while (i < n && ((first + static_cast<std::uint64_t>(i)) & 3) != 0) one();
  for (; i + 4 <= n; i += 4) {
    const auto words = source.block((first + static_cast<std::uint64_t>(i)) >> 2);
    for (std::size_t pair = 0; pair < 4; pair += 2) {
      const double u = (static_cast<double>(words[pair]) + 0.5) * 0x1p-32;
      const double angle = 2.0 * std::numbers::pi * static_cast<double>(words[pair + 1]) * 0x1p-32;
      const double radius = std::sqrt(-2.0 * std::log(u));
      float* const to = out + i + static_cast<index_t>(pair);
      to[0] = static_cast<float>(radius * std::cos(angle));
      to[1] = static_cast<float>(radius * std::sin(angle));
    }
  }
  while (i < n) one();
}

}  // namespace spankey
