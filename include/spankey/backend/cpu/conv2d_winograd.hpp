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

namespace spankey::cpu {

/// Windows of one task.
inline constexpr index_t winograd_windows = 48;
/// Channels of one product: their weights for one point stay in the first-level cache.
inline constexpr index_t winograd_slice = 128;
/// Floats of a chunk's transformed windows: 8 MB.
inline constexpr index_t winograd_chunk_elements = index_t{1} << 21;

/// The transform with outputs of Side x Side.
template <index_t Side>
struct winograd {
  static constexpr index_t window = Side + 2, points = window * window;
  /// Most channels whose transformed windows a task keeps itself, some 400 KB on the stack; its sums are as much again.
  static constexpr index_t own_channels = Side == 2 ? 128 : 64;
  static constexpr std::size_t own_size = points * winograd_windows * own_channels;
  /// Windows along a side of `extent` pixels, the last perhaps partly outside.
  static constexpr index_t along(index_t extent) { return (extent + Side - 1) / Side; }
  static constexpr index_t windows(const extents& image) { return along(image.height) * along(image.width); }
  /// Multiplications for a pair of channels; transforming and fetching a filter is worth those of 32 windows.
  static constexpr index_t work(const conv2d_problem& p) { return points * (p.samples * windows(p.in) + 32); }
};

/// The Side of the transform that this problem goes through, 0: none. By its shape and batch, never by threads; a smaller
/// batch never has a greater one. The direct kernels never multiply padding, and the transforms have to pay.
template <class T>
constexpr index_t winograd_side(const conv2d_problem& p) {
  if (p.kernel != 3 || p.stride != 1 || p.padding != 1 || p.out.height != p.in.height ||
      p.out.width != p.in.width || p.in.channels % 8 != 0 || p.out.channels % 16 != 0 || p.in.channels < 24 ||
      p.out.channels < 32)
    return 0;
  const index_t direct = p.samples * (3 * p.in.height - 2) * (3 * p.in.width - 2);
  const bool wide = std::is_same_v<T, float> && winograd<4>::work(p) < winograd<2>::work(p);
  const index_t work = wide ? winograd<4>::work(p) : winograd<2>::work(p);
  return 4 * direct < 5 * work ? 0 : wide ? 4 : 2;
}

/// f(the transform), if the problem goes through one; says whether it does.
template <class T, class F>
constexpr bool with_winograd(const conv2d_problem& p, const F& f) {
  switch (winograd_side<T>(p)) {
    case 2:
      f(winograd<2>{});
      return true;
    case 4:
      if constexpr (std::is_same_v<T, float>) f(winograd<4>{});
      return true;
    default:
      return false;
  }
}

}  // namespace spankey::cpu

#define SPANKEY_ISA_TEXT "spankey/backend/cpu/conv2d_winograd_sides.inl"
#include "spankey/backend/cpu/foreach_isa.hpp"

namespace spankey::cpu {

/// Windows of one chunk: whole tasks; 0 where tasks keep their own.
template <index_t Side>
constexpr index_t winograd_chunk(index_t channels) {
  if (channels <= winograd<Side>::own_channels) return 0;
  const index_t fitting = winograd_chunk_elements / (winograd<Side>::points * channels);
  return std::max<index_t>(1, fitting / winograd_windows) * winograd_windows;
}

/// Floats of the transformed weights, the first part of scratch.
template <class T, index_t Side>
constexpr index_t winograd_filter_size(index_t sources, index_t targets) {
  return winograd<Side>::points * words_for<T>(sources) * padded_channels(targets);
}
/// Floats of scratch: transformed weights; then one chunk and a row of zeros, where the packed weights may have been.
template <class T, index_t Side>
constexpr index_t winograd_scratch(index_t sources, index_t targets) {
  const index_t chunk = words_for<T>(sources) * (winograd<Side>::points * winograd_chunk<Side>(sources) + 1);
  return winograd_filter_size<T, Side>(sources, targets) +
         std::max(chunk, 9 * sources * padded_channels(targets));
}

/// Windows of the batch, numbered sample, row, column; window (i, j) covers outputs from Side i and Side j on.
template <index_t Side>
struct winograd_grid {
  index_t samples, height, width, source_channels, target_channels;
  [[nodiscard]] constexpr index_t columns() const { return winograd<Side>::along(width); }
  [[nodiscard]] constexpr index_t per_sample() const { return winograd<Side>::along(height) * columns(); }
  [[nodiscard]] constexpr index_t size() const { return samples * per_sample(); }
  struct place {
    index_t sample, row, column;  // of its first output
  };
  [[nodiscard]] constexpr place at(index_t window) const {
    const index_t inside = window % per_sample();
    return {window / per_sample(), inside / columns() * Side, inside % columns() * Side};
  }
};

/// Addresses of Size x Size pixels of a sample from (row, column) on, `outside` where there is none.
template <index_t Size, class T>
std::array<T*, static_cast<std::size_t>(Size* Size)> window_pixels(T* image, const extents& shape,
                                                                   index_t row, index_t column, T* outside) {
  std::array<T*, static_cast<std::size_t>(Size * Size)> pixel;
  for (index_t i = 0; i < Size * Size; ++i) {
    const index_t h = row + i / Size, w = column + i % Size;
    const bool inside = h >= 0 && h < shape.height && w >= 0 && w < shape.width;
    pixel[static_cast<std::size_t>(i)] = inside ? image + (h * shape.width + w) * shape.channels : outside;
  }
  return pixel;
}
/// The pixels that a window reads.
template <index_t Side, class T>
auto window_sources(const winograd_grid<Side>& grid, index_t window, const T* source, const T* zeros) {
  const auto [sample, row, column] = grid.at(window);
  const extents shape{grid.source_channels, grid.height, grid.width};
  return window_pixels<winograd<Side>::window>(source + sample * shape.size(), shape, row - 1, column - 1,
                                               zeros);
}
/// The pixels that it stands for.
template <index_t Side, class T>
auto window_targets(const winograd_grid<Side>& grid, index_t window, T* target, T* outside) {
  const auto [sample, row, column] = grid.at(window);
  const extents shape{grid.target_channels, grid.height, grid.width};
  return window_pixels<Side>(target + sample * shape.size(), shape, row, column, outside);
}

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
    alignas(64) std::array<float, points * conv2d_max_width> wide;
    std::array<std::array<T, points * conv2d_max_width>, 2> narrow;
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
  alignas(64) std::array<float, points * winograd_windows * conv2d_max_width> sums;
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
      alignas(64) std::array<T, winograd<Side>::own_size> own;
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
