// 3x3 convolutions of stride 1 by Winograd's F(2x2, 3x3): 2.25 times fewer multiplications, float rounding no worse
// than the direct sum's (Lavin and Gray, "Fast algorithms for convolutional neural networks", 2016). bf16 rounds the
// transformed operands; only the data gradient goes this way then, whose accuracy does not suffer (docs/conformance.md).
//
//   y = A^T [ sum over channels of (G g G^T) * (B^T d B) ] A     for every 2 x 2 outputs from a 4 x 4 window d
//
// A task takes some windows: 16 products with the direct convolution's register tile, then the sums are transformed
// back. With few channels it transforms its own windows, which then never leave the second-level cache. With many,
// the batch is walked in chunks whose transformed windows stay in the last-level cache, and every task of a chunk
// takes one group of target channels. Serves forward and backward to the data.
#pragma once

#include <algorithm>
#include <array>

#include "spankey/backend/cpu/conv2d_product.hpp"

#define SPANKEY_SCALAR_TEXT "spankey/backend/cpu/conv2d_winograd.inl"
#define SPANKEY_ISA_TEXT "spankey/backend/cpu/foreach_scalar.inl"
#include "spankey/backend/cpu/foreach_isa.hpp"
#undef SPANKEY_SCALAR_TEXT
#define SPANKEY_ISA_TEXT "spankey/backend/cpu/conv2d_winograd_filter.inl"
#include "spankey/backend/cpu/foreach_isa.hpp"

namespace spankey::cpu {

inline constexpr index_t winograd_points = 16;
/// Windows of one task: its sums are 16 * 48 * 64 floats, 192 KB on the stack.
inline constexpr index_t winograd_windows = 48;
/// Most channels whose transformed windows a task keeps itself: 384 KB more on the stack.
inline constexpr index_t winograd_own_channels = 128;
/// Floats of a chunk's transformed windows: 8 MB.
inline constexpr index_t winograd_chunk_elements = index_t{1} << 21;
/// Fewer samples do not pay for transforming the weights.
inline constexpr index_t winograd_samples = 16;

/// Whether this problem goes this way: by its shape and batch, never by threads. Windows at the end of an odd side are
/// half empty, and the direct kernels never multiply padding: the transforms pay from a quarter fewer multiplications on.
constexpr bool uses_winograd(const conv2d_problem& p) {
  if (p.kernel != 3 || p.stride != 1 || p.padding != 1 || p.out.height != p.in.height ||
      p.out.width != p.in.width)
    return false;
  const index_t direct = (3 * p.in.height - 2) * (3 * p.in.width - 2);
  const index_t here = winograd_points * ((p.in.height + 1) / 2) * ((p.in.width + 1) / 2);
  return 4 * direct >= 5 * here && p.samples >= winograd_samples && p.in.channels % 8 == 0 &&
         p.out.channels % 16 == 0 && p.in.channels >= 24 && p.out.channels >= 32;
}

/// Windows of one chunk: whole tasks.
constexpr index_t winograd_chunk(index_t channels) {
  if (channels <= winograd_own_channels) return 0;
  const index_t fitting = winograd_chunk_elements / (winograd_points * channels);
  return std::max<index_t>(1, fitting / winograd_windows) * winograd_windows;
}

/// Floats of the transformed weights, the first part of scratch.
template <class T>
constexpr index_t winograd_filter_size(index_t sources, index_t targets) {
  return winograd_points * words_for<T>(sources) * padded_channels(targets);
}
/// Floats of scratch: transformed weights; then one chunk and a row of zeros, where the packed weights may have been.
template <class T>
constexpr index_t winograd_scratch(index_t sources, index_t targets) {
  const index_t chunk = words_for<T>(sources) * (winograd_points * winograd_chunk(sources) + 1);
  return winograd_filter_size<T>(sources, targets) + std::max(chunk, 9 * sources * padded_channels(targets));
}

/// Windows of the batch, numbered sample, row, column; window (i, j) covers outputs 2i, 2i+1 x 2j, 2j+1.
struct winograd_grid {
  index_t samples, height, width, source_channels, target_channels;
  [[nodiscard]] constexpr index_t rows() const { return (height + 1) / 2; }
  [[nodiscard]] constexpr index_t columns() const { return (width + 1) / 2; }
  [[nodiscard]] constexpr index_t size() const { return samples * rows() * columns(); }
  struct place {
    index_t sample, row, column;  // of its first output
  };
  [[nodiscard]] constexpr place at(index_t window) const {
    const index_t per_sample = rows() * columns(), inside = window % per_sample;
    return {window / per_sample, inside / columns() * 2, inside % columns() * 2};
  }
};

/// Addresses of the 16 pixels of a window, `zeros` where it leaves the image.
template <class T>
std::array<const T*, winograd_points> window_pixels(const winograd_grid& grid, index_t window,
                                                    const T* source, const T* zeros) {
  const auto [sample, row, column] = grid.at(window);
  std::array<const T*, winograd_points> pixel;
  for (index_t point = 0; point < winograd_points; ++point) {
    const index_t h = row - 1 + point / 4, w = column - 1 + point % 4;
    const bool inside = h >= 0 && h < grid.height && w >= 0 && w < grid.width;
    pixel[static_cast<std::size_t>(point)] =
        inside ? source + ((sample * grid.height + h) * grid.width + w) * grid.source_channels : zeros;
  }
  return pixel;
}

/// Addresses of the 2 x 2 targets of a window, `outside` where it leaves an image of odd sides.
template <class T>
std::array<T*, 4> window_targets(const winograd_grid& grid, index_t window, T* target, T* outside) {
  const auto [sample, row, column] = grid.at(window);
  const bool right = column + 1 < grid.width, low = row + 1 < grid.height;
  T* const first = target + ((sample * grid.height + row) * grid.width + column) * grid.target_channels;
  T* const below = first + grid.width * grid.target_channels;
  return {first, right ? first + grid.target_channels : outside, low ? below : outside,
          right && low ? below + grid.target_channels : outside};
}

/// The transform of one window of the batch, v(point, channel) with `step` between points.
template <class T>
void transform_window(const winograd_grid& grid, index_t window, const T* source, const T* zeros, T* v,
                      index_t step) {
  const auto pixel = window_pixels(grid, window, source, zeros);
  SPANKEY_DISPATCH(winograd_input)(pixel.data(), grid.source_channels, v, step);
}

/// u (point, words of source channels, width), the transformed weights of one block for one word of channels; `g` holds
/// the block's packed weights in float, (tap, channel, width).
template <class T>
void transform_filter(const float* g, index_t channels, index_t width, index_t word, word_t<T>* u) {
  constexpr index_t terms = terms_of_word<T>;
  const auto filter = SPANKEY_DISPATCH(winograd_filter);
  const index_t step = channels / terms * width;
  if constexpr (terms == 1) {
    filter(g + word * width, channels * width, width, u + word * width, step);
  } else {
    alignas(64) std::array<float, winograd_points * conv2d_max_width> wide;
    std::array<std::array<T, winograd_points * conv2d_max_width>, 2> narrow;
    for (std::size_t i = 0; i < 2; ++i) {
      filter(g + (word * 2 + static_cast<index_t>(i)) * width, channels * width, width, wide.data(), width);
      SPANKEY_DISPATCH(copy_row)
      (static_cast<const float*>(wide.data()), winograd_points * width, narrow[i].data());
    }
    for (index_t point = 0; point < winograd_points; ++point) {
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
template <class T>
void run_windows(const winograd_grid& grid, const conv2d_blocks<T>& blocks, index_t block,
                 const winograd_task<T>& task, const float* start, T* target) {
  const conv2d_tile<T>& tile = blocks.tile(block);
  const index_t width = blocks.width(block), channels = grid.source_channels, rows = tile.rows;
  alignas(64) std::array<float, winograd_points * winograd_windows * conv2d_max_width> sums;
  alignas(64) constexpr std::array<float, conv2d_max_width> zeros{};
  const index_t sums_step = winograd_windows * width;
  conv2d_pieces pieces;
  pieces.count = 1;
  pieces.piece[0] = {0, 0, channels};
  std::array<const T*, conv2d_max_rows> source;
  std::array<const float*, conv2d_max_rows> from;
  std::array<float*, conv2d_max_rows> to;
  from.fill(zeros.data());
  for (index_t point = 0; point < winograd_points; ++point) {
    for (index_t i = 0; i < task.count; i += rows) {
      // Spare rows of the last tile repeat its last window: the same sums, written once more.
      for (index_t r = 0; r < rows; ++r) {
        const index_t window = std::min(i + r, task.count - 1);
        source[static_cast<std::size_t>(r)] = task.v + point * task.step + window * channels;
        to[static_cast<std::size_t>(r)] = sums.data() + point * sums_step + window * width;
      }
      tile.product(pieces, source.data(), task.u + point * words_for<T>(channels) * width, from.data(),
                   to.data());
    }
  }
  const auto transform = SPANKEY_DISPATCH(winograd_output);
  const index_t begin = blocks.begin(block);
  std::array<T, conv2d_max_width> nowhere{};
  for (index_t i = 0; i < task.count; ++i) {
    const std::array<T*, 4> pixel = window_targets(grid, task.first + i, target + begin, nowhere.data());
    transform(sums.data() + i * width, sums_step, blocks.valid(block),
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
template <class T>
void run_winograd(const conv2d_gather& g, const conv2d_blocks<T>& blocks, const winograd_operands<T>& data) {
  const winograd_grid grid{g.samples, g.source.height, g.source.width, g.source.channels, g.target.channels};
  const index_t channels = grid.source_channels, chunk = winograd_chunk(channels), step = chunk * channels;
  const index_t depth = words_for<T>(channels);
  auto* const u = reinterpret_cast<word_t<T>*>(data.scratch);
  T* const v = reinterpret_cast<T*>(data.scratch + winograd_filter_size<T>(channels, grid.target_channels));
  T* const zeros = v + winograd_points * step;

  parallel_for(blocks.count() * depth, [&](index_t task) {
    const index_t block = task / depth, word = task % depth;
    transform_filter<T>(data.packed + blocks.begin(block) * g.depth(), channels, blocks.width(block), word,
                        u + blocks.begin(block) * winograd_points * depth);
  });
  std::fill_n(zeros, channels, T{});  // only now: the packed weights may have lain here

  if (channels <= winograd_own_channels) {
    parallel_for((grid.size() + winograd_windows - 1) / winograd_windows, [&](index_t task) {
      alignas(64) std::array<T, winograd_points * winograd_windows * winograd_own_channels> own;
      const index_t first = task * winograd_windows, count = std::min(winograd_windows, grid.size() - first);
      const index_t own_step = winograd_windows * channels;
      for (index_t i = 0; i < count; ++i)
        transform_window<T>(grid, first + i, data.source, zeros, own.data() + i * channels, own_step);
      for (index_t block = 0; block < blocks.count(); ++block) {
        const word_t<T>* const block_u = u + blocks.begin(block) * winograd_points * depth;
        run_windows<T>(grid, blocks, block, {own.data(), block_u, own_step, first, count}, data.start,
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
        transform_window<T>(grid, first + i, data.source, zeros, v + i * channels, step);
    });
    const index_t tasks = (windows + winograd_windows - 1) / winograd_windows;
    parallel_for(tasks * groups, [&](index_t task) {
      const index_t begin = task % tasks * winograd_windows, first_block = task / tasks * group;
      const index_t count = std::min(winograd_windows, windows - begin);
      for (index_t block = first_block; block < std::min(blocks.count(), first_block + group); ++block) {
        const word_t<T>* const block_u = u + blocks.begin(block) * winograd_points * depth;
        run_windows<T>(grid, blocks, block, {v + begin * channels, block_u, step, first + begin, count},
                       data.start, data.target);
      }
    });
  }
}

}  // namespace spankey::cpu
