// Forward and backward to the data on AMX tiles, bf16: the products of conv2d_product.hpp with samples as rows, so that
// every target pixel multiplies just the taps that it reaches, whatever the stride or the size of the image.
//
// A task takes 32 samples x a rectangle of targets x some blocks of 64 target channels. It copies the source pixels
// that it needs into a slab (pixel, 32 channels, sample), 32 samples of 32 channels being the 2 KB of one step; the
// weights are those of conv2d_pack.hpp. Sums stay in tiles over the whole depth, or over a slice of the channels where
// the slab cannot hold them all, and are rounded once.
//
// Fewer than 16 samples or source channels would leave most of a tile empty: these go to conv2d_product.hpp.
#pragma once

#include <algorithm>
#include <array>

#include "spankey/backend/cpu/conv2d_amx_plan.hpp"
#include "spankey/backend/cpu/conv2d_amx_rows.hpp"
#include "spankey/backend/cpu/conv2d_product.hpp"
#include "spankey/backend/cpu/parallel.hpp"

namespace spankey::cpu {

/// Blocks as packed for tiles: 64 columns, the last one 64, 32 or 16, as for AVX512-BF16.
inline conv2d_blocks<bf16> amx_blocks(index_t channels) {
  return {{16, 3, {{{1, 0, nullptr, nullptr}, {2, 0, nullptr, nullptr}, {4, 0, nullptr, nullptr}}}},
          channels};
}

/// The sources that targets [begin, end) of one axis reach, in ascending order, and each target's taps among them.
struct amx_axis {
  struct place {
    index_t first, tap, taps;  // its first tap `tap` is source[first]
  };
  std::size_t sources = 0;
  std::array<index_t, amx_slab_steps> source;
  std::array<place, amx_task_pixels> target;
};

inline amx_axis axis_of(const conv2d_axis& axis, index_t begin, index_t end) {
  amx_axis a;
  for (index_t t = begin; t < end;) {
    const conv2d_run run = run_at(axis, t);
    for (; t < std::min(end, run.end); ++t) {
      for (index_t tap = run.tap_begin; tap < run.tap_end; ++tap) {
        const index_t source = t * axis.step + axis.origin + tap;
        if (a.sources == 0 || source > a.source[a.sources - 1]) a.source[a.sources++] = source;
      }
      // Sources ascend with targets, so the last one of this target is the last one so far.
      a.target[static_cast<std::size_t>(t - begin)] = {static_cast<index_t>(a.sources) - run.taps(),
                                                       run.tap_begin, run.taps()};
    }
  }
  return a;
}

/// One task: what it computes, and its memory. Sums of several pixels rest there between slices.
template <class Y>
class amx_product_task {
 public:
  /// Target rows and columns [begin, end), samples from first_sample on.
  struct region {
    index_t first_sample, row_begin, row_end, column_begin, column_end;
  };

  amx_product_task(const conv2d_gather& g, const amx_plan& plan, const conv2d_blocks<bf16>& blocks,
                   const conv2d_product_operands<bf16, Y>& data, const amx_kernels& kernels,
                   const region& where)
      : g_(g),
        plan_(plan),
        blocks_(blocks),
        data_(data),
        kernels_(kernels),
        where_(where),
        rows_(axis_of(g.rows, where.row_begin, where.row_end)),
        columns_(axis_of(g.columns, where.column_begin, where.column_end)) {}

  /// Target blocks [begin, end).
  void run(index_t begin, index_t end) {
    const amx_session session(kernels_);
    const index_t steps = amx_steps(g_.source.channels);
    for (index_t first = 0; first < steps; first += plan_.steps) {
      const index_t last = std::min(steps, first + plan_.steps);
      copy_sources(first, last);
      for (index_t block = begin; block < end; ++block) multiply(block, first, last);
    }
  }

 private:
  [[nodiscard]] index_t words() const { return words_for<bf16>(g_.source.channels); }
  [[nodiscard]] bool rest() const { return g_.source.channels % (2 * amx_words) != 0; }
  /// Words from one pixel of the slab to the next.
  [[nodiscard]] index_t pixel_words() const { return plan_.steps * amx_step_words; }

  /// Steps [first, last) of every source into the slab. The last step of a pixel takes its last 16 words, with zeros
  /// for those that the step before has had: so it meets no weights but those of its own tap.
  void copy_sources(index_t first, index_t last) {
    const bool ends = last == amx_steps(g_.source.channels) && rest();
    const index_t begun = 2 * amx_words * (last - 1);
    const amx_channels part{ends ? last - first - 1 : last - first, ends ? g_.source.channels - begun : 0,
                            2 * amx_words - 2 * words() + begun};
    const auto copy = SPANKEY_DISPATCH_BF16(amx_copy_line);
    std::array<index_t, amx_slab_steps> column;
    for (std::size_t j = 0; j < columns_.sources; ++j)
      column[j] = columns_.source[j] * g_.source.channels + first * 2 * amx_words;
    const auto width = static_cast<index_t>(columns_.sources);
    for (index_t s = 0; s < amx_rows; ++s) {
      // Rows beyond the batch repeat its last sample; nobody reads their sums.
      const index_t sample = std::min(where_.first_sample + s, g_.samples - 1);
      for (std::size_t i = 0; i < rows_.sources; ++i) {
        const index_t line = (sample * g_.source.height + rows_.source[i]) * g_.source.width;
        copy(part, data_.source + line * g_.source.channels, static_cast<const index_t*>(column.data()),
             width, slab_.data() + static_cast<index_t>(i) * width * pixel_words() + s * amx_words,
             pixel_words());
      }
    }
  }

  /// The block's weights, and the words from tap to tap. Where channels have fewer than 16 words, a tap would be
  /// followed by the next one in the same step: a copy has zeros there.
  std::pair<const std::uint32_t*, index_t> weights_of(index_t block) {
    const index_t width = blocks_.width(block), tap_words = words() * width;
    const std::uint32_t* const packed = data_.packed + blocks_.begin(block) * packed_depth<bf16>(g_);
    if (words() >= amx_words) return {packed, tap_words};
    const index_t padded = amx_words * width;
    std::uint32_t* const copy = slab_.data() + (amx_slab_steps - amx_copied_steps(g_)) * amx_step_words;
    for (index_t tap = 0; tap < g_.rows.taps * g_.columns.taps; ++tap) {
      std::fill_n(copy + tap * padded, padded - tap_words, 0U);
      std::copy_n(packed + tap * tap_words, tap_words, copy + (tap + 1) * padded - tap_words);
    }
    return {copy, padded};
  }

  void multiply(index_t block, index_t first, index_t last) {
    const index_t width = blocks_.width(block), step_words = amx_words * width;
    const auto [weights, tap_words] = weights_of(block);
    const bool begins = first == 0, ends = last == amx_steps(g_.source.channels);
    amx_walk walk{};
    walk.steps = last - first;
    walk.a_row = static_cast<index_t>(columns_.sources) * pixel_words();
    walk.a_column = pixel_words();
    walk.b_row = g_.columns.taps * tap_words;
    walk.b_column = tap_words;
    walk.b_width = width;
    walk.b_last = (ends && rest() ? tap_words - step_words : (last - 1) * step_words) - first * step_words;
    const bool resting = !(begins && ends);
    float* sums = sums_.data();
    for (index_t r = where_.row_begin; r < where_.row_end; ++r)
      for (index_t c = where_.column_begin; c < where_.column_end; ++c) {
        const amx_axis::place& row = rows_.target[static_cast<std::size_t>(r - where_.row_begin)];
        const amx_axis::place& column = columns_.target[static_cast<std::size_t>(c - where_.column_begin)];
        walk.rows = row.taps;
        walk.columns = column.taps;
        const std::uint32_t* const a = slab_.data() + row.first * walk.a_row + column.first * walk.a_column;
        const std::uint32_t* const b =
            weights + row.tap * walk.b_row + column.tap * walk.b_column + first * step_words;
        if (width < amx_rows) kernels_.narrow(walk, a, b, begins, sums, conv2d_max_width);
        for (index_t half = 0; half + amx_rows <= width; half += amx_rows)
          kernels_.wide(walk, a, b + half, begins, sums + half, conv2d_max_width);
        if (ends) finish(block, r, c, sums);
        if (resting) sums += amx_pixel_sums;
      }
  }

  void finish(index_t block, index_t row, index_t column, const float* sums) {
    const index_t first = blocks_.begin(block);
    const index_t line =
        where_.first_sample * g_.target.height + row * g_.rows.target_step + g_.rows.target_origin;
    const index_t pixel = line * g_.target.width + column * g_.columns.target_step + g_.columns.target_origin;
    SPANKEY_DISPATCH_BF16(amx_finish)
    (sums, std::min(amx_rows, g_.samples - where_.first_sample), blocks_.valid(block),
     data_.start != nullptr ? data_.start + first : nullptr,
     data_.target + pixel * g_.target.channels + first, g_.target.size());
  }

  const conv2d_gather& g_;
  const amx_plan& plan_;
  const conv2d_blocks<bf16>& blocks_;
  const conv2d_product_operands<bf16, Y>& data_;
  const amx_kernels& kernels_;
  region where_;
  amx_axis rows_, columns_;
  alignas(64) std::array<std::uint32_t, amx_slab_steps * amx_step_words> slab_;
  alignas(64) std::array<float, amx_resting_pixels * amx_pixel_sums> sums_;
};

/// run_products on tiles.
template <class Y, class At, class PackedAt>
void run_amx_products(index_t gathers, const At& at, const PackedAt& packed_at,
                      const conv2d_blocks<bf16>& blocks, const conv2d_product_operands<bf16, Y>& data) {
  std::array<conv2d_gather, amx_gathers> gather;
  std::array<amx_plan, amx_gathers> plan;
  index_t cycles = 0, all_tasks = 0;
  for (index_t i = 0; i < gathers; ++i) {
    gather[static_cast<std::size_t>(i)] = at(i);
    cycles += amx_cycles(at(i), blocks.count());
  }
  for (std::size_t i = 0; i < static_cast<std::size_t>(gathers); ++i) {
    plan[i] = plan_amx(gather[i], blocks.count(), cycles);
    all_tasks += plan[i].tasks(gather[i], blocks.count());
  }
  const amx_kernels kernels = active_amx_kernels();
  parallel_for(all_tasks, [&](index_t task) {
    std::size_t i = 0;
    for (; task >= plan[i].tasks(gather[i], blocks.count()); ++i) {
      task -= plan[i].tasks(gather[i], blocks.count());
    }
    const conv2d_gather& g = gather[i];
    conv2d_product_operands<bf16, Y> mine = data;
    mine.packed = packed_at(static_cast<index_t>(i));
    // Neighbours in the list share weights.
    const index_t columns = pieces(g.columns.targets, plan[i].columns),
                  rows = pieces(g.rows.targets, plan[i].rows);
    const index_t samples = pieces(g.samples, amx_rows);
    const index_t column = task % columns * plan[i].columns, row = task / columns % rows * plan[i].rows;
    const index_t block = task / (columns * rows * samples) * plan[i].blocks;
    amx_product_task<Y> run(
        g, plan[i], blocks, mine, kernels,
        {task / (columns * rows) % samples * amx_rows, row, std::min(g.rows.targets, row + plan[i].rows),
         column, std::min(g.columns.targets, column + plan[i].columns)});
    run.run(block, std::min(blocks.count(), block + plan[i].blocks));
  });
}

}  // namespace spankey::cpu
