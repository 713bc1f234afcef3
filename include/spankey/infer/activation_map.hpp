// The map T that a locked layer's input needs (lock/channel_map.hpp), as plain numbers, and y = T x at every position.
//
//   T = R L^T       L^T upper triangular, or the identity       R: three rounds of signs, mix (core/channel_mix.hpp), permutation
// Positions go in tiles of 16, channel by channel, so that every step is 16 equal ones. A tile takes 3 C log2 C additions a
// position, and with a triangle C^2 / 2 multiplications. A whole tile is the backend's where that has kernels; elsewhere plain
// loops. No heap, no error, no package; same bits for any number of threads.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "spankey/backend/backend.hpp"
#include "spankey/backend/map_tile.hpp"
#include "spankey/core/channel_mix.hpp"
#include "spankey/core/shape.hpp"

namespace spankey::infer {

struct activation_map {
  static constexpr index_t tile = 16;  // positions
  static constexpr index_t rounds = 3;
  static constexpr std::uint16_t negative = 0x8000;
  static constexpr index_t most_channels = negative;

  index_t channels = 0;  // 0: none, x stays
  /// (3, C): where a channel goes behind the mix of a round; `negative` added to it: its sign changes before the mix.
  const std::uint16_t* moves = nullptr;
  /// Rows of L^T, each from the diagonal on, C (C + 1) / 2 numbers; null: the identity.
  const float* root = nullptr;

  /// y (count, C) = T x, x (count, C), count at most `tile`; spare (C, count). They do not overlap.
  void apply(const float* x, index_t count, float* y, float* spare) const {
    if (count == tile) return apply_to(x, std::integral_constant<index_t, tile>{}, y, spare);
    if (count == 1) return apply_to(x, std::integral_constant<index_t, 1>{}, y, spare);
    apply_to(x, count, y, spare);
  }
  /// Multiplications and additions of a tile.
  [[nodiscard]] index_t products() const {
    index_t of_position = root != nullptr ? channels * channels / 2 : 0;
    for (index_t width = 1; width < mix_block(channels); width *= 2) of_position += rounds * channels;
    return tile * of_position;
  }

 private:
  // y holds the tile as (C, count) until the last step.
  template <class Columns>
  void apply_to(const float* x, Columns count, float* y, float* spare) const {
    for (index_t c = 0; c < channels; ++c)
      for (index_t j = 0; j < count; ++j) y[c * count + j] = x[j * channels + c];
    if (root != nullptr) apply_root(count, y);
    float *from = y, *to = spare;
    for (index_t round = 0; round < rounds; ++round) {
      const std::uint16_t* const move = moves + round * channels;
      for (index_t c = 0; c < channels; ++c)
        for (index_t j = 0; (move[c] & negative) != 0 && j < count; ++j)
          from[c * count + j] = -from[c * count + j];
      mix_channels(from, channels, count);
      for (index_t c = 0; c < channels; ++c)
        std::copy_n(from + c * count, index_t{count}, to + (move[c] & (negative - 1)) * count);
      std::swap(from, to);
    }
    static_assert(rounds % 2 == 1, "the last round ends in spare");
    for (index_t j = 0; j < count; ++j)
      for (index_t c = 0; c < channels; ++c) y[j * channels + c] = spare[c * count + j];
  }
  // From the first row on: what a row reads below itself is not written yet.
  template <class Columns>
  void apply_root(Columns count, float* y) const {
    const float* row = root;
    for (index_t i = 0; i < channels; row += channels - i, ++i) {
      float sum[tile] = {};
      for (index_t k = i; k < channels; ++k)
        for (index_t j = 0; j < count; ++j) sum[j] += row[k - i] * y[k * count + j];
      std::copy_n(sum, index_t{count}, y + i * count);
    }
  }
};

/// All positions of an operation's input; tiles side by side where the backend has threads.
template <class Backend>
struct mapped_input {
  static constexpr bool has_threads = !std::is_same_v<Backend, backend::reference>;

  /// Floats of `spare` for an input of `size` elements, `channels` of them a position.
  static constexpr index_t spare_size(index_t size, index_t channels) {
    return has_threads ? size : std::min(size, activation_map::tile * channels);
  }
  static void apply(const activation_map& map, index_t size, const float* x, float* y, float* spare) {
    const index_t of_tile = activation_map::tile * map.channels;
    const auto run = [&](index_t i) {
      const index_t first = i * of_tile, count = std::min(of_tile, size - first) / map.channels;
      if constexpr (has_threads) {
        if (count == activation_map::tile)
          return row_kernels<Backend, float>::map_positions(
              {map.channels, mix_block(map.channels), activation_map::rounds, map.moves,
               activation_map::negative, map.root, x + first, y + first, spare + first});
      }
      map.apply(x + first, count, y + first, has_threads ? spare + first : spare);
    };
    const index_t tiles = (size + of_tile - 1) / of_tile;
    if constexpr (has_threads) {
      row_kernels<Backend, float>::each(tiles, map.products(), run);
    } else {
      for (index_t i = 0; i < tiles; ++i) run(i);
    }
  }
};

}  // namespace spankey::infer
