// n keys of standard normal numbers at one site (n x d, memory order, overwritten): element (sample s, file position f)
// is number base + s*row + f of the source.
//
// The keys depend neither on the memory order nor on threads, and a shorter site with the same base and row gets the
// prefix of a longer one. Source: docs/method.md, section 1.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "spankey/backend/cpu/parallel.hpp"
#include "spankey/core/random.hpp"
#include "spankey/core/shape.hpp"
#include "spankey/key/gaussian.hpp"
#include "spankey/key/rescale.hpp"
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
inline void draw_gaussian_keys(const extents& shape, const random_source& source, number_range range,
                               const row_selection& rows, float* out) {
  const index_t d = shape.size(), area = shape.height * shape.width, channels = shape.channels;
  const index_t blocks = (d + key_block - 1) / key_block;
  parallel_for(rows.size() * blocks, [=, &source](index_t task) {
    const index_t sample = rows[task / blocks], first = task % blocks * key_block;
    const index_t count = std::min(key_block, d - first);
    float* const key = out + sample * d;
    if (area == 1 || channels == 1) {  // file order is memory order
      fill_gaussian(source, range.at(sample, first), key + first, count);
      return;
    }
    std::array<float, static_cast<std::size_t>(key_block)> file;
    fill_gaussian(source, range.at(sample, first), file.data(), count);
    index_t channel = first / area, position = first % area;
    for (index_t i = 0; i < count; ++i) {
      key[position * channels + channel] = file[static_cast<std::size_t>(i)];
      if (++position == area) {
        position = 0;
        ++channel;
      }
    }
  });
}

}  // namespace spankey
