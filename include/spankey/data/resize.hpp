// Images of another size, bilinear:
//
//   y[o] = sum_i w(i, o) x[i],  w = max(0, 1 - |i + 1/2 - (o + 1/2) s| / max(s, 1)), divided by their sum, s = from / to
// along rows, then along columns, each rounded to bytes. Where an image shrinks, a pixel is the weighted mean of all that it
// covers, so that fine lines do not vanish. Weights have 22 binary places: the same bytes on every machine. Width and height
// are scaled each for itself.
// Source: Pillow's Image.resize(..., BILINEAR), which gives the same bytes.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "spankey/backend/cpu/parallel.hpp"
#include "spankey/core/error.hpp"
#include "spankey/core/shape.hpp"
#include "spankey/data/dataset.hpp"

namespace spankey {

inline constexpr index_t most_resized = 4096;  // pixels a side of what comes out

/// What each of `to` elements in a row takes of `from`.
class bilinear_weights {
 public:
  bilinear_weights(index_t from, index_t to) {
    const double step = static_cast<double>(from) / static_cast<double>(to), reach = std::max(step, 1.0);
    for (index_t o = 0; o < to; ++o) {
      const double centre = (static_cast<double>(o) + 0.5) * step;
      const index_t first = std::max(index_t{0}, static_cast<index_t>(centre - reach + 0.5)),
                    last = std::min(from, static_cast<index_t>(centre + reach + 0.5));
      spans_.push_back({first, last - first, weights_.size()});
      std::vector<double> shares;
      double sum = 0;
      for (index_t i = first; i < last; ++i) {
        shares.push_back(std::max(0.0, 1 - std::abs(static_cast<double>(i) + 0.5 - centre) / reach));
        sum += shares.back();
      }
      for (const double share : shares)
        weights_.push_back(static_cast<std::int32_t>(std::lround(share / sum * one)));
    }
  }

  /// Element o of a row of elements that lie `stride` apart.
  std::uint8_t operator()(index_t o, const std::uint8_t* row, index_t stride) const {
    const span_of& s = spans_[static_cast<std::size_t>(o)];
    std::int64_t sum = one / 2;
    for (index_t i = 0; i < s.count; ++i)
      sum += std::int64_t{weights_[s.weights + static_cast<std::size_t>(i)]} * row[(s.first + i) * stride];
    return static_cast<std::uint8_t>(std::clamp<std::int64_t>(sum / one, 0, 255));
  }

 private:
  static constexpr std::int64_t one = 1 << 22;
  struct span_of {
    index_t first, count;
    std::size_t weights;
  };
  std::vector<span_of> spans_;
  std::vector<std::int32_t> weights_;
};

/// Errors: data.197 unless the new size is 1 to most_resized pixels a side.
inline void require_resize(index_t height, index_t width) {
  if (height < 1 || width < 1 || height > most_resized || width > most_resized)
    fail("data.197", "resize", "found ", height, " x ", width, " pixels, expected 1 to ", most_resized,
         " a side");
}

/// Overwrites `out` (height x width x C) with the image `in` of extents `from`.
inline void resize_image(const std::uint8_t* in, const extents& from, index_t height, index_t width,
                         std::uint8_t* out) {
  const bilinear_weights across(from.width, width), down(from.height, height);
  const index_t c = from.channels;
  std::vector<std::uint8_t> rows(static_cast<std::size_t>(from.height * width * c));
  for (index_t y = 0; y < from.height; ++y)
    for (index_t i = 0; i < width * c; ++i)
      rows[static_cast<std::size_t>(y * width * c + i)] = across(i / c, in + y * from.width * c + i % c, c);
  for (index_t y = 0; y < height; ++y)
    for (index_t i = 0; i < width * c; ++i) *out++ = down(y, rows.data() + i, width * c);
}

/// All images of a data set. Errors: those of require_resize.
[[nodiscard]] inline image_dataset resized(image_dataset data, index_t height, index_t width) {
  require_resize(height, width);
  const extents from = data.sample, to{from.channels, height, width};
  if (from == to) return data;
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(data.size() * to.size()));
  parallel_for(data.size(), [&](index_t n) {
    resize_image(data.image(n), from, height, width, pixels.data() + n * to.size());
  });
  data.pixels = std::move(pixels);
  data.sample = to;
  return data;
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
