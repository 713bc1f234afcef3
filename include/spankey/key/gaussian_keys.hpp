// n keys of standard normal numbers at one site (n x d, memory order, overwritten): element (sample s, file position f)
// is number base + s*row + f of the source.
//
// The keys depend neither on the memory order nor on threads, and a shorter site with the same base and row gets the
// prefix of a longer one. Source: docs/method.md, section 1.
#pragma once

#include <cstdint>

#include "spankey/core/compiled.hpp"
#include "spankey/core/random.hpp"
#include "spankey/core/shape.hpp"
#include "spankey/key/row_selection.hpp"

namespace spankey {

/// Which numbers of a source make the keys of one site: its first number, and the numbers between two samples.
struct number_range {
  std::uint64_t base = 0;
  index_t row = 0;

  /// Number of file position f of a sample.
  [[nodiscard]] constexpr std::uint64_t at(index_t sample, index_t f) const {
    return base + static_cast<std::uint64_t>(sample * row + f);
  }
};

/// The selected rows of n x d standard normal numbers at a site of this shape.
SPANKEY_INLINE void draw_gaussian_keys(const extents& shape, const random_source& source, number_range range,
                                       const row_selection& rows, float* out);

}  // namespace spankey

#if !defined(SPANKEY_COMPILED)
#include "spankey/key/gaussian_keys.inl"
#endif
