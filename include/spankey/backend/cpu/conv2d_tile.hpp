// Register tiles of the convolution: P rows x (vectors * lanes) sums that stay in registers.
//
//   product    to(p, o) = from(p, o) + sum_k source(p, k) weights(k, o)     rows are pixels: y, dx
//   gradient   to(i, o) += sum_pixels source(pixel, i) dy(pixel, o)         rows are input channels: dw
//
// Rows are reached through pointers, so no im2col matrix is ever written. The texts are in conv2d_tile.inl.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include "spankey/core/shape.hpp"

namespace spankey::cpu {

/// Terms of a product tile: runs of consecutive k. `source` counts from each row's pointer, `weights` from
/// the packed block.
struct conv2d_pieces {
  static constexpr index_t capacity = 16;
  struct run {
    index_t source, weights, length;
  };
  index_t count = 0;
  run piece[capacity];
};

using conv2d_product_tile = void (*)(const conv2d_pieces&, const float* const* source, const float* weights,
                                     const float* const* from, float* const* to);
using conv2d_gradient_tile = void (*)(const float* const* source, index_t offset, const index_t* channel,
                                      const float* dy, index_t pixels, float* const* to);

/// One tile shape: rows x (vectors * lanes).
struct conv2d_tile {
  index_t vectors, rows;
  conv2d_product_tile product;
  conv2d_gradient_tile gradient;
};

/// Most rows and most columns of any tile.
inline constexpr index_t conv2d_max_rows = 12, conv2d_max_width = 64;

/// The tiles of one instruction-set family, narrow ones first.
struct conv2d_tiles {
  index_t lanes;
  std::size_t count;
  void (*add)(const float* from, index_t count, float* to);  // to(i) += from(i)
  std::array<conv2d_tile, 3> shapes;

  [[nodiscard]] constexpr index_t width(const conv2d_tile& t) const { return t.vectors * lanes; }
  [[nodiscard]] constexpr const conv2d_tile& widest() const { return shapes[count - 1]; }
  /// The narrowest tile that holds `channels` columns, or else the widest.
  [[nodiscard]] constexpr const conv2d_tile& fitting(index_t channels) const {
    std::size_t i = 0;
    while (i + 1 < count && width(shapes[i]) < channels) ++i;
    return shapes[i];
  }
};

}  // namespace spankey::cpu

#define SPANKEY_ISA_TEXT "spankey/backend/cpu/conv2d_tiles.inl"
#include "spankey/backend/cpu/foreach_isa.hpp"

namespace spankey::cpu {

/// Tiles of the active instruction-set family.
inline conv2d_tiles active_conv2d_tiles() { return SPANKEY_DISPATCH(conv2d_family)(); }

/// Channels cut into blocks of one tile's width; the last may be narrower.
struct conv2d_blocks {
  conv2d_tiles tiles;
  index_t channels;

  [[nodiscard]] index_t full_width() const { return tiles.width(tiles.widest()); }
  [[nodiscard]] index_t count() const { return (channels + full_width() - 1) / full_width(); }
  [[nodiscard]] index_t begin(index_t block) const { return block * full_width(); }
  /// Channels of the block that exist; the tile computes its width, padding included.
  [[nodiscard]] index_t valid(index_t block) const { return std::min(full_width(), channels - begin(block)); }
  [[nodiscard]] const conv2d_tile& tile(index_t block) const { return tiles.fitting(valid(block)); }
  [[nodiscard]] index_t width(index_t block) const { return tiles.width(tile(block)); }
  /// Channels of all blocks, padding included, never more than padded(channels).
  [[nodiscard]] static constexpr index_t padded(index_t channels) {
    return (channels + conv2d_max_width - 1) / conv2d_max_width * conv2d_max_width;
  }
};

}  // namespace spankey::cpu
