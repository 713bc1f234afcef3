// Forward and backward to the data: target(pixel, o) (= or +=) bias(o) + sum over taps and channels of
// source(tap's pixel, i) * weights(tap, i, o), computed tile by tile from pointers into the source.
//
// A task is a chunk of one part's pixels x one block of target channels. It walks the terms in slices whose
// weights stay in the second-level cache; between slices the sums rest in the target, or beside it where the target
// is too narrow to hold them (bf16).
#pragma once

#include <algorithm>
#include <array>

#include "spankey/backend/cpu/conv2d_gather.hpp"
#include "spankey/backend/cpu/conv2d_pack.hpp"
#include "spankey/backend/cpu/conv2d_rows.hpp"
#include "spankey/backend/cpu/conv2d_tile.hpp"
#include "spankey/backend/cpu/parallel.hpp"

namespace spankey::cpu {

/// Words of one slice: 64 columns * 4 bytes * 384 = 96 KB of weights, and a chain of 384 additions.
inline constexpr index_t conv2d_slice_depth = 384;
/// Multiply-adds one task aims at (some 200 microseconds of one core), and the most pixels it takes.
inline constexpr index_t conv2d_task_products = 24'000'000, conv2d_task_pixels = 1008;

/// Words of packed weights that stay in the second-level cache from one chunk of pixels to the next (1 MB).
inline constexpr index_t conv2d_cached_words = index_t{1} << 18;

/// Operands of run_products. `packed` belongs to the gather at hand; `start` is a row of bias (or zeros),
/// padded to whole blocks, and null where the products are added to what the target holds.
template <class T, class Y>
struct conv2d_product_operands {
  const T* source;
  const word_t<T>* packed;
  const float* start;
  Y* target;
};

/// The rows of one task.
template <class T, class Y>
struct conv2d_rows {
  std::array<const T*, conv2d_task_pixels + conv2d_max_rows> source;
  std::array<Y*, conv2d_task_pixels + conv2d_max_rows> target;
  std::size_t count = 0;
};

/// Pixels of one task: whole tiles, as many in every task of the part as can be.
constexpr index_t chunk_pixels(const conv2d_gather& g, const conv2d_part& part, index_t tile_rows) {
  const index_t pixels = g.samples * part.pixels_per_sample();
  const index_t work = std::max<index_t>(1, part.depth(g.source.channels) * conv2d_max_width);
  const index_t most =
      std::clamp<index_t>(conv2d_task_products / work, 4 * conv2d_max_rows, conv2d_task_pixels);
  const index_t chunks = (pixels + most - 1) / most;
  return ((pixels + chunks - 1) / chunks + tile_rows - 1) / tile_rows * tile_rows;
}

/// Fills `pieces` with terms [position, ...) of the part, at most one slice; returns the next position.
template <class T>
index_t next_slice(const conv2d_gather& g, const conv2d_part& part, index_t width, index_t position,
                   conv2d_pieces& pieces) {
  constexpr index_t terms = terms_of_word<T>;
  const index_t channels = g.source.channels, taps = part.columns.taps();
  // Terms whose weights lie in consecutive words: the taps of a row, or one tap where its last word is half empty.
  const index_t joined = channels % terms == 0 ? taps : 1, line = joined * channels;
  index_t left = conv2d_slice_depth * terms;
  pieces.count = 0;
  while (position < part.depth(channels) && left > 0 && pieces.count < conv2d_pieces::capacity) {
    const index_t run = position / line, inside = position % line;
    const index_t row = run * joined / taps, column = run * joined % taps;
    const index_t length = std::min(line - inside, left);
    const index_t tap = (part.rows.tap_begin + row) * g.columns.taps + part.columns.tap_begin + column;
    pieces.piece[pieces.count++] = {(row * g.source.width + column) * channels + inside,
                                    (tap * words_for<T>(channels) + inside / terms) * width, length};
    position += length;
    left -= (length + terms - 1) / terms * terms;
  }
  return position;
}

/// A tile whose last columns do not exist: computed beside the target, then copied.
template <class T>
void product_at_edge(const conv2d_tile<T>& tile, index_t valid, const conv2d_pieces& pieces,
                     const T* const* source, const word_t<T>* weights, const float* const* from,
                     float* const* to) {
  alignas(64) float sums[conv2d_max_rows][conv2d_max_width] = {};
  std::array<const float*, conv2d_max_rows> begin;
  std::array<float*, conv2d_max_rows> end;
  for (std::size_t row = 0; row < static_cast<std::size_t>(tile.rows); ++row) {
    std::copy_n(from[row], valid, sums[row]);
    begin[row] = end[row] = sums[row];
  }
  tile.product(pieces, source, weights, begin.data(), end.data());
  for (std::size_t row = 0; row < static_cast<std::size_t>(tile.rows); ++row) {
    std::copy_n(sums[row], valid, to[row]);
  }
}

/// Products whose sums rest in the target.
template <class T>
void run_rows(const conv2d_gather& g, const conv2d_part& part, const conv2d_blocks<T>& blocks, index_t block,
              conv2d_rows<T, float>& rows, const conv2d_product_operands<T, float>& data) {
  const conv2d_tile<T>& tile = blocks.tile(block);
  const index_t width = blocks.width(block), valid = blocks.valid(block), first = blocks.begin(block);
  const word_t<T>* const weights = data.packed + first * packed_depth<T>(g);
  // The last tile may have fewer pixels: its spare rows write where nobody reads.
  alignas(64) float spare[conv2d_max_width] = {};
  for (std::size_t i = 0; i < conv2d_max_rows; ++i) rows.target[rows.count + i] = spare;
  std::array<const float*, conv2d_max_rows> start;
  start.fill(data.start != nullptr ? data.start + first : nullptr);

  index_t position = 0;
  bool first_slice = true;
  do {
    conv2d_pieces pieces;
    position = next_slice<T>(g, part, width, position, pieces);
    for (std::size_t i = 0; i < rows.count; i += static_cast<std::size_t>(tile.rows)) {
      float* const* const to = &rows.target[i];
      const float* const* const from = first_slice && data.start != nullptr ? start.data() : to;
      if (valid == width) {
        tile.product(pieces, &rows.source[i], weights, from, to);
      } else {
        product_at_edge(tile, valid, pieces, &rows.source[i], weights, from, to);
      }
    }
    first_slice = false;
  } while (position < part.depth(g.source.channels));
}

/// Products whose sums rest beside the target, which is written once.
template <class T, class Y>
void run_rows(const conv2d_gather& g, const conv2d_part& part, const conv2d_blocks<T>& blocks, index_t block,
              conv2d_rows<T, Y>& rows, const conv2d_product_operands<T, Y>& data) {
  const conv2d_tile<T>& tile = blocks.tile(block);
  const index_t width = blocks.width(block), valid = blocks.valid(block), first = blocks.begin(block);
  const word_t<T>* const weights = data.packed + first * packed_depth<T>(g);
  const auto copy = SPANKEY_DISPATCH(copy_row);
  alignas(64) std::array<float, (conv2d_task_pixels + conv2d_max_rows) * conv2d_max_width> sums;
  std::array<float*, conv2d_max_rows> to;
  std::array<const float*, conv2d_max_rows> start;
  start.fill(data.start != nullptr ? data.start + first : nullptr);

  index_t position = 0;
  bool first_slice = true;
  do {
    conv2d_pieces pieces;
    position = next_slice<T>(g, part, width, position, pieces);
    const bool last_slice = position >= part.depth(g.source.channels);
    // Sums that wait for no other slice take the same place, which stays in the first-level cache.
    const bool waits = !(first_slice && last_slice);
    for (std::size_t i = 0; i < rows.count; i += static_cast<std::size_t>(tile.rows)) {
      const std::size_t present = std::min(static_cast<std::size_t>(tile.rows), rows.count - i);
      if (last_slice) ask_for_rows(&rows.target[i], static_cast<index_t>(present), valid);
      for (std::size_t r = 0; r < static_cast<std::size_t>(tile.rows); ++r) {
        to[r] = sums.data() + static_cast<index_t>((waits ? i : 0) + r) * width;
        if (first_slice && data.start == nullptr) {
          std::fill(to[r], to[r] + width, 0.0F);
          if (r < present) copy(static_cast<const Y*>(rows.target[i + r]), valid, to[r]);
        }
      }
      tile.product(pieces, &rows.source[i], weights,
                   first_slice && data.start != nullptr ? start.data() : to.data(), to.data());
      if (!last_slice) continue;
      for (std::size_t r = 0; r < present; ++r)
        copy(static_cast<const float*>(to[r]), valid, rows.target[i + r]);
    }
    first_slice = false;
  } while (position < part.depth(g.source.channels));
}

/// Pixels [begin, end) of one part, one block of target channels.
template <class T, class Y>
void run_chunk(const conv2d_gather& g, const conv2d_part& part, const conv2d_blocks<T>& blocks, index_t block,
               index_t begin, index_t end, const conv2d_product_operands<T, Y>& data) {
  conv2d_rows<T, Y> rows;
  for_each_pixel(g, part, begin, end, [&](index_t source, index_t target) {
    rows.source[rows.count] = data.source + source;
    rows.target[rows.count++] = data.target + target + blocks.begin(block);
  });
  // Spare rows of the last tile repeat a source.
  for (std::size_t i = 0; i < conv2d_max_rows; ++i) rows.source[rows.count + i] = rows.source[rows.count - 1];
  run_rows(g, part, blocks, block, rows, data);
}

/// Runs `gathers` gathers as one list of tasks; at(i) returns gather i, packed_at(i) its packed weights.
template <class T, class Y, class At, class PackedAt>
void run_products(index_t gathers, const At& at, const PackedAt& packed_at, const conv2d_blocks<T>& blocks,
                  const conv2d_product_operands<T, Y>& data) {
  // One task takes 64 target channels, in several blocks where registers are narrower: the source pixels that
  // it fetched serve all of them.
  const index_t group = conv2d_max_width / blocks.full_width();
  const index_t groups = (blocks.count() + group - 1) / group;
  // Calls f(gather, its number, part, pixels of a chunk, tasks) in a fixed order until f returns true.
  const auto any_work = [&](const auto& f) {
    for (index_t i = 0; i < gathers; ++i) {
      const conv2d_gather g = at(i);
      const bool stopped = any_part(g, [&](const conv2d_part& part) {
        const index_t chunk = chunk_pixels(g, part, blocks.tiles.widest().rows);
        const index_t chunks = (g.samples * part.pixels_per_sample() + chunk - 1) / chunk;
        return f(g, i, part, chunk, chunks * groups);
      });
      if (stopped) return;
    }
  };
  index_t all_tasks = 0;
  any_work([&](const conv2d_gather&, index_t, const conv2d_part&, index_t, index_t tasks) {
    all_tasks += tasks;
    return false;
  });
  parallel_for(all_tasks, [&](index_t task) {
    any_work([&](const conv2d_gather& g, index_t i, const conv2d_part& part, index_t chunk, index_t tasks) {
      if (task >= tasks) {
        task -= tasks;
        return false;
      }
      conv2d_product_operands<T, Y> mine = data;
      mine.packed = packed_at(i);
      // Neighbours in the list share what they read: pixels, where the cache holds all weights beside them, else weights.
      const index_t chunks = tasks / groups;
      const bool shares_pixels = packed_depth<T>(g) * padded_channels(blocks.channels) <= conv2d_cached_words;
      const index_t begin = (shares_pixels ? task / groups : task % chunks) * chunk;
      const index_t first = (shares_pixels ? task % groups : task / chunks) * group;
      const index_t end = std::min(g.samples * part.pixels_per_sample(), begin + chunk);
      for (index_t block = first; block < std::min(blocks.count(), first + group); ++block) {
        run_chunk(g, part, blocks, block, begin, end, mine);
      }
      return true;
    });
  });
}

}  // namespace spankey::cpu
