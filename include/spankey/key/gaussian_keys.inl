// What key/gaussian_keys.hpp declares.
#pragma once

#include <algorithm>
#include <array>

#include "spankey/backend/cpu/parallel.hpp"
#include "spankey/key/gaussian.hpp"
#include "spankey/key/gaussian_keys.hpp"
#include "spankey/key/rescale.hpp"

namespace spankey {

void draw_gaussian_keys(const extents& shape, const random_source& source, number_range range,
                        const row_selection& rows, float* out) {
  const index_t d = shape.size(), channels = shape.channels, area = shape.height * shape.width;
  if (area == 1 || channels == 1) {  // file order is memory order
    const index_t blocks = (d + key_block - 1) / key_block;
    parallel_for(rows.size() * blocks, [=, &source](index_t task) {
      const index_t sample = rows[task / blocks], first = task % blocks * key_block;
      fill_gaussian(source, range.at(sample, first), out + sample * d + first,
                    std::min(key_block, d - first));
    });
    return;
  }
  // Numbers run along positions, memory along channels: tiles of both are turned in the first cache. 16 channels are a
  // cache line, which is so written whole; 32 positions a batch of numbers.
  const index_t high = std::min(area, key_block / std::min<index_t>(16, channels) / 32 * 32);
  const index_t wide = std::min(channels, std::max<index_t>(16, key_block / high / 16 * 16));
  const index_t down = (area + high - 1) / high, across = (channels + wide - 1) / wide;
  parallel_for(rows.size() * down * across, [=, &source](index_t task) {
    const index_t sample = rows[task / (down * across)], tile = task % (down * across);
    const index_t channel = tile / down * wide, position = tile % down * high;
    const index_t columns = std::min(wide, channels - channel), count = std::min(high, area - position);
    std::array<float, static_cast<std::size_t>(key_block)> file;
    if (count == area) {  // whole channels follow one another
      fill_gaussian(source, range.at(sample, channel * area), file.data(), columns * area);
    } else {
      for (index_t c = 0; c < columns; ++c)
        fill_gaussian(source, range.at(sample, (channel + c) * area + position), file.data() + c * count,
                      count);
    }
    float* const key = out + sample * d + position * channels + channel;
    for (index_t p = 0; p < count; ++p) {
      for (index_t c = 0; c < columns; ++c)
        key[p * channels + c] = file[static_cast<std::size_t>(c * count + p)];
    }
  });
}

}  // namespace spankey
