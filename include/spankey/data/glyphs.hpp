// Glyphs: a drawn data set of ten shapes that needs no file, 3x32x32 like CIFAR-10 unless other extents are asked for
// (1x28x28 is like MNIST). Shapes keep their share of the image; grey images have the colours' first channel.
//
// Image i of a seed is a pure function of (seed, i), of class i mod 10: any run of 10 images is balanced.
//   pixel = a * foreground + (1 - a) * background + shade + noise,  coverage a = clamp(1/2 - s, 0, 1)
// where s is the signed distance in pixels to the outline of the turned, scaled and moved shape.
// The shape is brighter than its ground by 0.4 to 0.7 in every channel, so a network finds it within a few
// dozen steps; position, size, turn and colour keep a linear classifier on the pixels near one half.
// Distances to polygons after I. Quilez, "2D distance functions".
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "spankey/core/compiled.hpp"
#include "spankey/core/shape.hpp"
#include "spankey/data/dataset.hpp"

namespace spankey {

inline constexpr index_t glyph_classes = 10;
inline constexpr extents glyph_sample{3, 32, 32};
inline constexpr std::array<const char*, 10> glyph_names{"disc", "ring", "square",   "triangle", "cross",
                                                         "star", "bars", "crescent", "L",        "zigzag"};
/// First index of the test part; training images come before it.
inline constexpr index_t glyphs_test_begin = index_t{1} << 30;

/// A point of the glyph's own plane, where every shape fits a circle of radius about 1.
struct glyph_point {
  double x, y;
};

/// Distance from p to the segment a-b.
SPANKEY_INLINE double distance_to_segment(glyph_point p, glyph_point a, glyph_point b);

/// Signed distance from p to a simple polygon, negative inside.
SPANKEY_INLINE double distance_to_polygon(glyph_point p, std::span<const glyph_point> corners);

/// Signed distance from p to the shape of class `label` (glyph_names), in units of the glyph's radius.
SPANKEY_INLINE double distance_to_glyph(index_t label, glyph_point p);

/// Draws image `index` of `seed`: H x W x C bytes, class index mod 10.
SPANKEY_INLINE void draw_glyph(std::uint64_t seed, index_t index, std::uint8_t* image,
                               const extents& sample = glyph_sample);

/// Images first_index to first_index + count - 1 of `seed`. Ranges that do not overlap share no image.
/// Errors: data.131 unless count >= 1, first_index >= 0 and the last index is below 2^31; data.132 unless the images are
/// squares of 16 to 256 pixels a side with 1 or 3 channels.
SPANKEY_INLINE image_dataset make_glyphs(index_t count, std::uint64_t seed, index_t first_index = 0,
                                         const extents& sample = glyph_sample);

/// The training or the test part of `seed`: the first `count` images from index 0 or from glyphs_test_begin.
/// Errors: data.131 unless 1 <= count <= glyphs_test_begin - 1; data.132.
SPANKEY_INLINE image_dataset make_glyphs(index_t count, std::uint64_t seed, split part,
                                         const extents& sample = glyph_sample);

}  // namespace spankey

#if !defined(SPANKEY_COMPILED)
#include "spankey/data/glyphs.inl"
#endif
