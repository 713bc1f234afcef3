// Weights (kernel, kernel, I, O) rearranged for the product tiles: [block of targets][tap, source channel][width].
//
// Forward: sources are I, targets O. Backward to the data: sources are O, targets I, taps as the gather orders
// them. Columns beyond the last channel are zero. Packing costs one read and one write of the weights.
#pragma once

#include <algorithm>

#include "spankey/backend/cpu/conv2d_gather.hpp"
#include "spankey/backend/cpu/conv2d_tile.hpp"
#include "spankey/backend/cpu/parallel.hpp"

namespace spankey::cpu {

enum class conv2d_direction { forward, backward };

/// Packs the weights of one tap (in gather order) for one block of targets.
inline void pack_tap(const conv2d_problem& p, conv2d_direction direction, const float* w, index_t begin,
                     index_t valid, index_t width, float* packed) {
  const index_t in = p.in.channels, out = p.out.channels;
  if (direction == conv2d_direction::forward) {
    for (index_t i = 0; i < in; ++i) {
      float* row = packed + i * width;
      std::copy_n(w + i * out + begin, valid, row);
      std::fill(row + valid, row + width, 0.0F);
    }
    return;
  }
  // A transposition, in squares small enough for the first-level cache.
  constexpr index_t square = 16;
  for (index_t first_o = 0; first_o < out; first_o += square) {
    const index_t last_o = std::min(out, first_o + square);
    for (index_t first_i = 0; first_i < width; first_i += square) {
      const index_t last_i = std::min(width, first_i + square), copied = std::clamp(valid, first_i, last_i);
      for (index_t o = first_o; o < last_o; ++o) {
        for (index_t i = first_i; i < copied; ++i) packed[o * width + i] = w[(begin + i) * out + o];
        std::fill(packed + o * width + copied, packed + o * width + last_i, 0.0F);
      }
    }
  }
}

/// Packs all weights that gather `g` uses; `packed` takes g.depth() * blocks.padded(target channels) floats.
inline void pack_weights(const conv2d_problem& p, conv2d_direction direction, const conv2d_gather& g,
                         const conv2d_blocks& blocks, const float* w, float* packed) {
  const index_t taps = g.rows.taps * g.columns.taps;
  parallel_for(taps * blocks.count(), [&](index_t task) {
    const index_t block = task / taps, tap = task % taps;
    const index_t kernel_row = g.rows.kernel_first + tap / g.columns.taps * g.rows.kernel_step;
    const index_t kernel_column = g.columns.kernel_first + tap % g.columns.taps * g.columns.kernel_step;
    pack_tap(p, direction, w + (kernel_row * p.kernel + kernel_column) * p.in.channels * p.out.channels,
             blocks.begin(block), blocks.valid(block), blocks.width(block),
             packed + blocks.begin(block) * g.depth() + tap * g.source.channels * blocks.width(block));
  });
}

}  // namespace spankey::cpu
