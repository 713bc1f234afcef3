// Static shape of one sample: C channels of H x W elements. Only the batch size is a run-time number.
//
// Memory order is channels last (H, W, C); files and key numbering use (C, H, W).
// file_index() and memory_index() are the one place that relates the two.
#pragma once

#include <cstddef>
#include <type_traits>

#include "spankey/core/dialect.hpp"

namespace spankey {

/// Signed size and index type of the library.
using index_t = std::ptrdiff_t;

/// Shape of one sample. A feature vector is shape<C>.
template <index_t C, index_t H = 1, index_t W = 1>
struct shape {
  static_assert(C > 0 && H > 0 && W > 0, "SpanKey: every extent of a shape is positive");
  static constexpr index_t channels = C;
  static constexpr index_t height = H;
  static constexpr index_t width = W;
  static constexpr index_t size = C * H * W;
};

/// Extents of a sample where they are needed at run time (kernels, files).
struct extents {
  index_t channels = 1, height = 1, width = 1;
  [[nodiscard]] constexpr index_t size() const { return channels * height * width; }
  friend constexpr bool operator==(const extents&, const extents&) = default;
};

template <class Shape>
inline constexpr extents extents_of{Shape::channels, Shape::height, Shape::width};

/// Position in file order (C, H, W) of the element at memory position `i` (H, W, C).
constexpr index_t file_index(const extents& e, index_t i) {
  const index_t c = i % e.channels, hw = i / e.channels;
  return c * e.height * e.width + hw;
}

/// Position in memory order (H, W, C) of the element at file position `i` (C, H, W).
constexpr index_t memory_index(const extents& e, index_t i) {
  const index_t area = e.height * e.width;
  return i % area * e.channels + i / area;
}

/// Compile-time check that a layer receives what it was built for.
template <class Given, class Expected>
constexpr void require_shape() {
  static_assert(std::is_same_v<Given, Expected>,
                "SpanKey: shape mismatch: this layer was declared for another input shape than the one it is "
                "given (compare the two shape<C, H, W> in this message)");
}

}  // namespace spankey
