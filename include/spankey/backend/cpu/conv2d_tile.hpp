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
#include <cstdint>
#include <type_traits>

#include "spankey/core/bf16.hpp"
#include "spankey/core/shape.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace spankey::cpu {

/// What the tiles multiply at a time: one float, or two bf16, which lie side by side in one word. In a product they are
/// consecutive channels, in a gradient the same channel of consecutive samples.
template <class T>
struct word_of {
  using type = float;
};
template <>
struct word_of<bf16> {
  using type = std::uint32_t;
};
template <class T>
using word_t = typename word_of<T>::type;
template <class T>
inline constexpr index_t terms_of_word = static_cast<index_t>(sizeof(word_t<T>) / sizeof(T));
/// Words that hold `count` terms.
template <class T>
constexpr index_t words_for(index_t count) {
  return (count + terms_of_word<T> - 1) / terms_of_word<T>;
}

/// Terms of a product tile: runs of consecutive k. `source` counts elements from each row's pointer, `weights` words
/// from the packed block, `length` elements.
struct conv2d_pieces {
  static constexpr index_t capacity = 16;
  struct run {
    index_t source, weights, length;
  };
  index_t count = 0;
  run piece[capacity];
};

template <class T>
using conv2d_product_tile = void (*)(const conv2d_pieces&, const T* const* source, const word_t<T>* weights,
                                     const float* const* from, float* const* to);
template <class T>
using conv2d_gradient_tile = void (*)(const word_t<T>* const* source, index_t offset, const index_t* channel,
                                      const word_t<T>* dy, index_t pixels, float* const* to);

/// One tile shape: rows x (vectors * lanes).
template <class T>
struct conv2d_tile {
  index_t vectors, rows;
  conv2d_product_tile<T> product;
  conv2d_gradient_tile<T> gradient;
};

/// Most rows and most columns of any tile.
inline constexpr index_t conv2d_max_rows = 12, conv2d_max_width = 64;

/// Asks for rows that a tile will write when it ends: by then they are there. Each is `columns` of Y.
template <class Y>
void ask_for_rows(Y* const* rows, index_t count, index_t columns) {
  constexpr index_t line = 64 / static_cast<index_t>(sizeof(Y));
  for (index_t r = 0; r < count; ++r)
    for (index_t c = 0; c < columns; c += line) __builtin_prefetch(rows[r] + c, 1);
}

/// The tiles of one instruction-set family for activations of T, narrow ones first.
template <class T>
struct conv2d_tiles {
  index_t lanes;
  std::size_t count;
  std::array<conv2d_tile<T>, 3> shapes;

  [[nodiscard]] constexpr index_t width(const conv2d_tile<T>& t) const { return t.vectors * lanes; }
  [[nodiscard]] constexpr const conv2d_tile<T>& widest() const { return shapes[count - 1]; }
  /// The narrowest tile that holds `channels` columns, or else the widest.
  [[nodiscard]] constexpr const conv2d_tile<T>& fitting(index_t channels) const {
    std::size_t i = 0;
    while (i + 1 < count && width(shapes[i]) < channels) ++i;
    return shapes[i];
  }
};

}  // namespace spankey::cpu

#define SPANKEY_ISA_TEXT "spankey/backend/cpu/conv2d_tiles.inl"
#define SPANKEY_ISA_BF16
#include "spankey/backend/cpu/foreach_isa.hpp"

namespace spankey::cpu {

/// Tiles of the active instruction-set family.
template <class T>
conv2d_tiles<T> active_conv2d_tiles() {
  if constexpr (std::is_same_v<T, bf16>) {
    return SPANKEY_DISPATCH_BF16(conv2d_family)(bf16{});
  } else {
    return SPANKEY_DISPATCH(conv2d_family)(0.0F);
  }
}

/// Channels cut into blocks of one tile's width; the last may be narrower.
template <class T>
struct conv2d_blocks {
  conv2d_tiles<T> tiles;
  index_t channels;

  [[nodiscard]] index_t full_width() const { return tiles.width(tiles.widest()); }
  [[nodiscard]] index_t count() const { return (channels + full_width() - 1) / full_width(); }
  [[nodiscard]] index_t begin(index_t block) const { return block * full_width(); }
  /// Channels of the block that exist; the tile computes its width, padding included.
  [[nodiscard]] index_t valid(index_t block) const { return std::min(full_width(), channels - begin(block)); }
  [[nodiscard]] const conv2d_tile<T>& tile(index_t block) const { return tiles.fitting(valid(block)); }
  [[nodiscard]] index_t width(index_t block) const { return tiles.width(tile(block)); }
};

/// Channels of all blocks, padding included, are never more than this.
constexpr index_t padded_channels(index_t channels) {
  return (channels + conv2d_max_width - 1) / conv2d_max_width * conv2d_max_width;
}

}  // namespace spankey::cpu
