// 3x3 convolutions of stride 1 by Winograd's transform (Lavin and Gray, "Fast algorithms for convolutional neural networks",
// 2016): outputs come Side x Side at a time from a window of Side + 2.
//
//   y = A^T [ sum over channels of (G g G^T) * (B^T d B) ] A     G g G^T etc.: one number for each of (Side + 2)^2 points
//
// Side 2 multiplies 2.25 times less than the direct sum and rounds no more; Side 4 four times less, and rounds three times
// as much, 1.2e-6 of the result (docs/conformance.md). bf16 rounds the transformed operands, too: there, only the data
// gradient goes this way, with Side 2, and its accuracy does not suffer.
//
// A task takes some windows: a product for every point with the direct convolution's register tile, then the sums are
// transformed back. With few channels it transforms its own windows, which then never leave the second-level cache.
// With many, the batch is walked in chunks whose transformed windows stay in the last-level cache, and every task of a
// chunk takes one group of target channels. Serves forward and backward to the data.
#pragma once

#include <algorithm>
#include <array>

#include "spankey/backend/cpu/conv2d_product.hpp"
#include "spankey/backend/cpu/conv2d_winograd_shape.hpp"

#define SPANKEY_ISA_TEXT "spankey/backend/cpu/conv2d_winograd_sides.inl"
#include "spankey/backend/cpu/foreach_isa.hpp"

namespace spankey::cpu {

/// The transform of one window of the batch, v(point, channel) with `step` between points.
template <index_t Side, class T>
void transform_window(const winograd_grid<Side>& grid, index_t window, const T* source, const T* zeros, T* v,
                      index_t step) {
  const auto pixel = window_sources(grid, window, source, zeros);
  SPANKEY_DISPATCH(winograd_input)(winograd<Side>{}, pixel.data(), grid.source_channels, v, step);
}

/// u (point, words of source channels, width), the transformed weights of one block for one word of channels; `g` holds
/// the block's packed weights in float, (tap, channel, width).
template <class T, index_t Side>
void transform_filter(const float* g, index_t channels, index_t width, index_t word, word_t<T>* u) {
  constexpr index_t terms = terms_of_word<T>;
  const auto filter = SPANKEY_DISPATCH(winograd_filter);
  const index_t step = channels / terms * width;
  if constexpr (terms == 1) {
    filter(winograd<Side>{}, g + word * width, channels * width, width, u + word * width, step);
  } else {
    constexpr index_t points = winograd<Side>::points;
    alignas(64) winograd_table<float, points * conv2d_max_width> wide;
    std::array<winograd_table<T, points * conv2d_max_width>, 2> narrow;
    for (std::size_t i = 0; i < 2; ++i) {
      filter(winograd<Side>{}, g + (word * 2 + static_cast<index_t>(i)) * width, channels * width, width,
             wide.data(), width);
      SPANKEY_DISPATCH(copy_row)
      (static_cast<const float*>(wide.data()), points * width, narrow[i].data());
    }
    for (index_t point = 0; point < points; ++point) {
      SPANKEY_DISPATCH(pair_rows)
      (static_cast<const T*>(narrow[0].data() + point * width), narrow[1].data() + point * width, width,
       u + point * step + word * width);
    }
  }
}

/// Operands of one task: windows [first, first + count) of the batch, at v; u are the block's weights.
template <class T>
struct winograd_task {
  const T* v;
  const word_t<T>* u;
  index_t step, first, count;
};

/// Products and outputs of one task for one block of target channels.
template <index_t Side, class T>
void run_windows(const winograd_grid<Side>& grid, const conv2d_blocks<T>& blocks, index_t block,
                 const winograd_task<T>& task, const float* start, T* target) {
  constexpr index_t points = winograd<Side>::points;
  const conv2d_tile<T>& tile = blocks.tile(block);
  const index_t width = blocks.width(block), channels = grid.source_channels, rows = tile.rows;
  alignas(64) winograd_table<float, points * winograd_windows * conv2d_max_width> sums;
  alignas(64) constexpr std::array<float, conv2d_max_width> zeros{};
  alignas(64) std::array<float, conv2d_max_width> spare{};
  const index_t sums_step = winograd_windows * width;
  std::array<const T*, conv2d_max_rows> source;
  std::array<const float*, conv2d_max_rows> from;
  std::array<float*, conv2d_max_rows> to;
  for (index_t point = 0; point < points; ++point)
    for (index_t channel = 0; channel < channels; channel += winograd_slice) {
      conv2d_pieces pieces;
      pieces.count = 1;
      pieces.piece[0] = {channel, channel / terms_of_word<T> * width,
                         std::min(winograd_slice, channels - channel)};
      for (index_t i = 0; i < task.count; i += rows) {
        // Spare rows of the last tile stand beside the sums.
        for (index_t r = 0; r < rows; ++r) {
          const index_t window = std::min(i + r, task.count - 1);
          const auto row = static_cast<std::size_t>(r);
          source[row] = task.v + point * task.step + window * channels;
          to[row] = i + r < task.count ? sums.data() + point * sums_step + window * width : spare.data();
          from[row] = channel == 0 ? zeros.data() : to[row];
        }
        tile.product(pieces, source.data(), task.u + point * words_for<T>(channels) * width, from.data(),
                     to.data());
      }
    }
  const auto transform = SPANKEY_DISPATCH(winograd_output);
  const index_t begin = blocks.begin(block);
  std::array<T, conv2d_max_width> nowhere{};
  for (index_t i = 0; i < task.count; ++i) {
    const auto pixel = window_targets(grid, task.first + i, target + begin, nowhere.data());
    transform(winograd<Side>{}, sums.data() + i * width, sums_step, blocks.valid(block),
              start != nullptr ? start + begin : nullptr, pixel.data());
  }
}

/// What run_winograd reads and writes; `packed` are the packed weights in float, whatever T is: they may lie in scratch
/// from winograd_filter_size on. `start` as in conv2d_product_operands; `scratch` takes winograd_scratch floats.
template <class T>
struct winograd_operands {
  const T* source;
  const float *packed, *start;
  T* target;
  float* scratch;
};

/// Runs one whole gather of 3x3 taps.
template <index_t Side, class T>
void run_winograd(winograd<Side>, const conv2d_gather& g, const conv2d_blocks<T>& blocks,
                  const winograd_operands<T>& data) {
  constexpr index_t points = winograd<Side>::points;
  const winograd_grid<Side> grid{g.samples, g.source.height, g.source.width, g.source.channels,
                                 g.target.channels};
  const index_t channels = grid.source_channels, chunk = winograd_chunk<Side>(channels),
                step = chunk * channels;
  const index_t depth = words_for<T>(channels);
  auto* const u = reinterpret_cast<word_t<T>*>(data.scratch);
  T* const v =
      reinterpret_cast<T*>(data.scratch + winograd_filter_size<T, Side>(channels, grid.target_channels));
  T* const zeros = v + points * step;

  parallel_for(blocks.count() * depth, [&](index_t task) {
    const index_t block = task / depth, word = task % depth;
    transform_filter<T, Side>(data.packed + blocks.begin(block) * g.depth(), channels, blocks.width(block),
                              word, u + blocks.begin(block) * points * depth);
  });
  std::fill_n(zeros, channels, T{});  // only now: the packed weights may have lain here

  if (channels <= winograd<Side>::own_channels) {
    parallel_for((grid.size() + winograd_windows - 1) / winograd_windows, [&](index_t task) {
      alignas(64) winograd_table<T, winograd<Side>::own_size> own;
      const index_t first = task * winograd_windows, count = std::min(winograd_windows, grid.size() - first);
      const index_t own_step = winograd_windows * channels;
      for (index_t i = 0; i < count; ++i)
        transform_window(grid, first + i, data.source, zeros, own.data() + i * channels, own_step);
      for (index_t block = 0; block < blocks.count(); ++block) {
        const word_t<T>* const block_u = u + blocks.begin(block) * points * depth;
        run_windows<Side, T>(grid, blocks, block, {own.data(), block_u, own_step, first, count}, data.start,
                             data.target);
      }
    });
    return;
  }
  // As in run_products, one task takes 64 target channels, in several blocks where registers are narrower.
  const index_t group = conv2d_max_width / blocks.full_width();
  const index_t groups = (blocks.count() + group - 1) / group;
  for (index_t first = 0; first < grid.size(); first += chunk) {
    const index_t windows = std::min(chunk, grid.size() - first);
    constexpr index_t at_once = 16;
    parallel_for((windows + at_once - 1) / at_once, [&](index_t task) {
      for (index_t i = task * at_once; i < std::min(windows, (task + 1) * at_once); ++i)
        transform_window(grid, first + i, data.source, zeros, v + i * channels, step);
    });
    const index_t tasks = (windows + winograd_windows - 1) / winograd_windows;
    parallel_for(tasks * groups, [&](index_t task) {
      const index_t begin = task % tasks * winograd_windows, first_block = task / tasks * group;
      const index_t count = std::min(winograd_windows, windows - begin);
      for (index_t block = first_block; block < std::min(blocks.count(), first_block + group); ++block) {
        const word_t<T>* const block_u = u + blocks.begin(block) * points * depth;
        run_windows<Side, T>(grid, blocks, block, {v + begin * channels, block_u, step, first + begin, count},
                             data.start, data.target);
      }
    });
  }
}

}  // namespace spankey::cpu
