// Blocks of attention's matrices on the CPU: how they lie, and the products between them, which are those of the
// convolution's register tiles (conv2d_tile.hpp). Everything is float.
//
//   rows     row after row, `width` floats apart, whole vectors
//   packed   what a product reads as its second operand, block of columns after block: conv2d_blocks
// A causal block's upper triangle is neither computed nor read: row r sees the first `seen + r` of its keys.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstdint>

#include "spankey/backend/cpu/conv2d_rows.hpp"
#include "spankey/backend/cpu/conv2d_tile.hpp"
#include "spankey/backend/cpu/exponential.hpp"

namespace spankey::cpu {

/// Most queries and keys of one block.
inline constexpr index_t attention_queries = 96, attention_keys = 128;

/// Columns with the padding of any family's blocks: those of a tile that is 16, 32 or 64 wide.
constexpr index_t attention_columns(index_t columns) {
  const index_t rest = columns % conv2d_max_width;
  return columns - rest + (rest == 0 ? 0 : rest <= 16 ? 16 : rest <= 32 ? 32 : conv2d_max_width);
}

/// Scores of `rows` queries and `keys` keys.
struct attention_block {
  index_t rows, keys, seen, width;

  [[nodiscard]] constexpr index_t seen_by(index_t row) const { return std::min(keys, seen + row); }
  /// The first row that sees key `key`.
  [[nodiscard]] constexpr index_t first_that_sees(index_t key) const {
    return std::clamp<index_t>(key - seen + 1, 0, rows);
  }
};

}  // namespace spankey::cpu

#define SPANKEY_ISA_TEXT "spankey/backend/cpu/attention.inl"
#include "spankey/backend/cpu/foreach_isa.hpp"
#define SPANKEY_SCALAR_TEXT "spankey/backend/cpu/attention_rows.inl"
#define SPANKEY_ISA_TEXT "spankey/backend/cpu/foreach_scalar.inl"
#include "spankey/backend/cpu/foreach_isa.hpp"
#undef SPANKEY_SCALAR_TEXT

namespace spankey::cpu {

/// Up to 64 places of scratch for tasks that run at the same time. A task gets the lowest free one, which some core's cache
/// is likely to hold still; what it computes does not depend on which.
class attention_places {
 public:
  static constexpr index_t most = 64;

  /// There is one: no more tasks than places.
  index_t take() {
    std::uint64_t taken = taken_.load(std::memory_order_relaxed);
    while (!taken_.compare_exchange_weak(taken, taken | (taken + 1), std::memory_order_acquire)) {
    }
    return std::countr_one(taken);
  }
  void give_back(index_t place) { taken_.fetch_and(~(std::uint64_t{1} << place), std::memory_order_release); }

 private:
  std::atomic<std::uint64_t> taken_{0};
};

/// Rows of a tile beyond the last one: what they read does not matter, and what they write nobody reads.
struct attention_spare {
  alignas(64) float from[conv2d_max_width] = {}, to[conv2d_max_width] = {};
};

using attention_blocks = conv2d_blocks<float>;

/// to (rows, width) = the first `columns` of every row of `from`, which lie `step` elements apart; zeros behind them.
template <class T>
void copy_rows(const T* from, index_t step, index_t rows, index_t columns, float* to, index_t width) {
  SPANKEY_DISPATCH(attention_take)(from, step, rows, columns, to, width);
}

/// The same, packed: block after block of `blocks`.
template <class T>
void pack_rows(const T* from, index_t step, index_t rows, const attention_blocks& blocks, float* to) {
  for (index_t b = 0; b < blocks.count(); ++b)
    copy_rows(from + blocks.begin(b), step, rows, blocks.valid(b), to + blocks.begin(b) * rows,
              blocks.width(b));
}

/// Where pack_rows writes `rows` in the same places as copy_rows, whose `width` is given, there they are; else packed to
/// `room`.
template <class T>
const float* packed_rows(const T* from, index_t step, index_t rows, const attention_blocks& blocks,
                         const float* copied, index_t width, float* room) {
  if (blocks.count() == 1 && blocks.width(0) == width) return copied;
  pack_rows(from, step, rows, blocks, room);
  return room;
}

/// Packed: the transposition of `from` (rows, depth), whose rows are the columns of `blocks`.
inline void pack_transposed(const float* from, index_t step, index_t depth, const attention_blocks& blocks,
                            float* to) {
  const auto transpose = SPANKEY_DISPATCH(attention_transpose);
  for (index_t b = 0; b < blocks.count(); ++b)
    transpose(from + blocks.begin(b) * step, step, blocks.valid(b), depth, to + blocks.begin(b) * depth,
              blocks.width(b));
}

/// A matrix of rows.
struct attention_rows {
  float* data;
  index_t width;
  [[nodiscard]] float* row(index_t r) const { return data + r * width; }
};

/// One tile: rows [first, first + count) of to = `begins` ? 0 : to, plus a (rows, depth) packed (depth, columns).
inline void add_tile(const conv2d_tile<float>& tile, const attention_rows& a, index_t depth,
                     const float* packed, const attention_rows& to, index_t column, index_t first,
                     index_t count, bool begins, attention_spare& spare) {
  std::array<const float*, conv2d_max_rows> source, from;
  std::array<float*, conv2d_max_rows> target;
  for (index_t i = 0; i < tile.rows; ++i) {
    const auto at = static_cast<std::size_t>(i);
    source[at] = a.row(first + std::min(i, count - 1));
    target[at] = i < count ? to.row(first + i) + column : spare.to;
    from[at] = begins || i >= count ? spare.from : target[at];
  }
  conv2d_pieces pieces;
  pieces.count = 1;
  pieces.piece[0] = {0, 0, depth};
  tile.product(pieces, source.data(), packed, from.data(), target.data());
}

/// Scores: to (rows, keys) = a (rows, depth) packed (depth, keys), where a query sees the key.
inline void multiply_scores(const attention_block& of, const attention_rows& a, index_t depth,
                            const float* packed, const attention_blocks& keys, const attention_rows& to,
                            attention_spare& spare) {
  for (index_t b = 0; b < keys.count(); ++b) {
    const conv2d_tile<float>& tile = keys.tile(b);
    const index_t begin = of.first_that_sees(keys.begin(b)) / tile.rows * tile.rows;
    for (index_t r = begin; r < of.rows; r += tile.rows)
      add_tile(tile, a, depth, packed + keys.begin(b) * depth, to, keys.begin(b), r,
               std::min(tile.rows, of.rows - r), true, spare);
  }
}

/// to (rows, columns) = or += p (rows, keys) packed (keys, columns).
inline void multiply_values(const attention_block& of, const attention_rows& p, const float* packed,
                            const attention_blocks& columns, const attention_rows& to, bool begins,
                            attention_spare& spare) {
  for (index_t b = 0; b < columns.count(); ++b) {
    const conv2d_tile<float>& tile = columns.tile(b);
    for (index_t r = 0; r < of.rows; r += tile.rows) {
      const index_t count = std::min(tile.rows, of.rows - r);
      add_tile(tile, p, of.seen_by(r + count - 1), packed + columns.begin(b) * of.keys, to, columns.begin(b),
               r, count, begins, spare);
    }
  }
}

/// to (keys, columns) += p (rows, keys) transposed, times packed (rows, columns).
inline void multiply_transposed(const attention_block& of, const attention_rows& p, const float* packed,
                                const attention_blocks& columns, const attention_rows& to,
                                attention_spare& spare) {
  std::array<const float*, static_cast<std::size_t>(attention_queries)> source;
  for (index_t r = 0; r < of.rows; ++r) source[static_cast<std::size_t>(r)] = p.row(r);
  for (index_t b = 0; b < columns.count(); ++b) {
    const conv2d_tile<float>& tile = columns.tile(b);
    for (index_t key = 0; key < of.keys; key += tile.rows) {
      const index_t count = std::min(tile.rows, of.keys - key), first = of.first_that_sees(key);
      std::array<index_t, conv2d_max_rows> channel;
      std::array<float*, conv2d_max_rows> target;
      for (index_t i = 0; i < conv2d_max_rows; ++i) {
        const auto at = static_cast<std::size_t>(i);
        channel[at] = std::min(i, count - 1);
        target[at] = i < count ? to.row(key + i) + columns.begin(b) : spare.to;
      }
      tile.gradient(source.data() + first, key, channel.data(),
                    packed + columns.begin(b) * of.rows + first * columns.width(b), of.rows - first,
                    target.data());
    }
  }
}

}  // namespace spankey::cpu
