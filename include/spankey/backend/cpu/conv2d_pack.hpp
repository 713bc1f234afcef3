// Weights (kernel, kernel, I, O) rearranged for the product tiles: [block of targets][tap][words of source channels][width].
//
// Forward: sources are I, targets O. Backward to the data: sources are O, targets I, taps as the gather orders
// them. Columns beyond the last channel are zero, and so is the second half of a tap's last word where the channels
// are odd. Packing costs one read of the weights and one write.
#pragma once

#include <algorithm>
#include <array>
#include <cstring>

#include "spankey/backend/cpu/conv2d_gather.hpp"
#include "spankey/backend/cpu/conv2d_rows.hpp"
#include "spankey/backend/cpu/conv2d_tile.hpp"
#include "spankey/backend/cpu/parallel.hpp"

namespace spankey::cpu {

enum class conv2d_direction { forward, backward };

/// Packs the weights of one tap (in gather order) for one block of targets.
template <class T>
void pack_tap(const conv2d_problem& p, conv2d_direction direction, const float* w, index_t begin,
              index_t valid, index_t width, word_t<T>* packed) {
  constexpr index_t terms = terms_of_word<T>;
  const index_t in = p.in.channels, out = p.out.channels;
  const auto copy = SPANKEY_DISPATCH(copy_row);
  if (direction == conv2d_direction::forward) {
    constexpr index_t ahead = 12;
    for (index_t i = 0; i < in; i += terms) {
      word_t<T>* const row = packed + i / terms * width;
      for (index_t term = 0; term < terms; ++term)
        ask_for_row(w + i * out + begin, (ahead + term) * out, valid);
      if constexpr (terms == 1) {
        std::copy_n(w + i * out + begin, valid, row);
      } else {
        std::array<T, conv2d_max_width> first, second{};
        copy(w + i * out + begin, valid, first.data());
        if (i + 1 < in) copy(w + (i + 1) * out + begin, valid, second.data());
        SPANKEY_DISPATCH(pair_rows)(first.data(), second.data(), valid, row);
      }
      std::fill(row + valid, row + width, word_t<T>{});
    }
    return;
  }
  // A transposition of words, in squares small enough for the first-level cache, along the rows of some channels.
  constexpr index_t square = 16;
  for (index_t first_i = 0; first_i < width; first_i += square) {
    const index_t last_i = std::min(width, first_i + square);
    for (index_t first_o = 0; first_o < out; first_o += square * terms) {
      const index_t count = std::min(square * terms, out - first_o);
      std::array<std::array<word_t<T>, square>, square> words{};
      for (index_t i = first_i; i < std::min(valid, last_i); ++i) {
        std::array<T, static_cast<std::size_t>(square * terms)> row{};
        copy(w + (begin + i) * out + first_o, count, row.data());
        std::memcpy(words[static_cast<std::size_t>(i - first_i)].data(), row.data(), sizeof(row));
      }
      for (index_t o = 0; o < words_for<T>(count); ++o)
        for (index_t i = first_i; i < last_i; ++i)
          packed[(first_o / terms + o) * width + i] =
              words[static_cast<std::size_t>(i - first_i)][static_cast<std::size_t>(o)];
    }
  }
}

/// Words of a gather's packed weights for one target channel.
template <class T>
constexpr index_t packed_depth(const conv2d_gather& g) {
  return g.rows.taps * g.columns.taps * words_for<T>(g.source.channels);
}

/// Packs all weights that gather `g` uses; `packed` takes packed_depth(g) * padded_channels(targets) words.
template <class T>
void pack_weights(const conv2d_problem& p, conv2d_direction direction, const conv2d_gather& g,
                  const conv2d_blocks<T>& blocks, const float* w, word_t<T>* packed) {
  const index_t taps = g.rows.taps * g.columns.taps;
  parallel_for(taps * blocks.count(), [&](index_t task) {
    const index_t block = task / taps, tap = task % taps;
    const index_t kernel_row = g.rows.kernel_first + tap / g.columns.taps * g.rows.kernel_step;
    const index_t kernel_column = g.columns.kernel_first + tap % g.columns.taps * g.columns.kernel_step;
    pack_tap<T>(p, direction, w + (kernel_row * p.kernel + kernel_column) * p.in.channels * p.out.channels,
                blocks.begin(block), blocks.valid(block), blocks.width(block),
                packed + blocks.begin(block) * packed_depth<T>(g) +
                    tap * words_for<T>(g.source.channels) * blocks.width(block));
  });
}

}  // namespace spankey::cpu
