// Which 3x3 convolutions go through Winograd's transform, with outputs of which side, and where its windows lie; see
// conv2d_winograd.hpp.
#pragma once

#include <algorithm>
#include <array>
#include <type_traits>

#include "spankey/backend/backend.hpp"
#include "spankey/backend/cpu/conv2d_tile.hpp"

namespace spankey::cpu {

/// Windows of one task.
inline constexpr index_t winograd_windows = 48;
/// Channels of one product: their weights for one point stay in the first-level cache.
inline constexpr index_t winograd_slice = 128;
/// Floats of a chunk's transformed windows: 8 MB.
inline constexpr index_t winograd_chunk_elements = index_t{1} << 21;

/// Numbers that lie on the stack of a task.
template <class T, index_t Size>
using winograd_table = std::array<T, static_cast<std::size_t>(Size)>;

/// The transform with outputs of Side x Side.
template <index_t Side>
struct winograd {
  static constexpr index_t window = Side + 2, points = window * window;
  /// Most channels whose transformed windows a task keeps itself, some 400 KB on the stack; its sums are as much again.
  static constexpr index_t own_channels = Side == 2 ? 128 : 64;
  static constexpr index_t own_size = points * winograd_windows * own_channels;
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
winograd_table<T*, Size * Size> window_pixels(T* image, const extents& shape, index_t row, index_t column,
                                              T* outside) {
  winograd_table<T*, Size * Size> pixel;
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

}  // namespace spankey::cpu
