// What data/glyphs.hpp declares.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>

#include "spankey/backend/cpu/parallel.hpp"
#include "spankey/core/error.hpp"
#include "spankey/core/random.hpp"
#include "spankey/data/glyphs.hpp"
#include "spankey/data/pixel_constants.hpp"

namespace spankey {

double distance_to_segment(glyph_point p, glyph_point a, glyph_point b) {
  const double bx = b.x - a.x, by = b.y - a.y, px = p.x - a.x, py = p.y - a.y;
  const double t = std::clamp((px * bx + py * by) / (bx * bx + by * by), 0.0, 1.0);
  return std::hypot(px - t * bx, py - t * by);
}

double distance_to_polygon(glyph_point p, std::span<const glyph_point> corners) {
  double nearest = std::numeric_limits<double>::max();
  bool inside = false;
  glyph_point before = corners.back();
  for (const glyph_point& corner : corners) {
    nearest = std::min(nearest, distance_to_segment(p, before, corner));
    const bool crosses = (corner.y > p.y) != (before.y > p.y);
    if (crosses && p.x < corner.x + (before.x - corner.x) * (p.y - corner.y) / (before.y - corner.y)) {
      inside = !inside;
    }
    before = corner;
  }
  return inside ? -nearest : nearest;
}

double distance_to_glyph(index_t label, glyph_point p) {
  static constexpr std::array<glyph_point, 4> square{{{-.7, -.7}, {.7, -.7}, {.7, .7}, {-.7, .7}}};
  static constexpr std::array<glyph_point, 3> triangle{{{0, -1}, {.866, .5}, {-.866, .5}}};
  static constexpr std::array<glyph_point, 12> cross{{{-.28, -.95},
                                                      {.28, -.95},
                                                      {.28, -.28},
                                                      {.95, -.28},
                                                      {.95, .28},
                                                      {.28, .28},
                                                      {.28, .95},
                                                      {-.28, .95},
                                                      {-.28, .28},
                                                      {-.95, .28},
                                                      {-.95, -.28},
                                                      {-.28, -.28}}};
  static constexpr std::array<glyph_point, 10> star{{{0, -1},
                                                     {.247, -.340},
                                                     {.951, -.309},
                                                     {.399, .130},
                                                     {.588, .809},
                                                     {0, .420},
                                                     {-.588, .809},
                                                     {-.399, .130},
                                                     {-.951, -.309},
                                                     {-.247, -.340}}};
  static constexpr std::array<glyph_point, 6> ell{
      {{-.6, -.9}, {-.1, -.9}, {-.1, .4}, {.7, .4}, {.7, .9}, {-.6, .9}}};
  static constexpr std::array<glyph_point, 5> zigzag{{{-.9, .5}, {-.45, -.5}, {0, .5}, {.45, -.5}, {.9, .5}}};
  const double radius = std::hypot(p.x, p.y);
  switch (label) {
    case 0:
      return radius - 0.85;
    case 1:
      return std::abs(radius - 0.72) - 0.2;
    case 2:
      return distance_to_polygon(p, square);
    case 3:
      return distance_to_polygon(p, triangle);
    case 4:
      return distance_to_polygon(p, cross);
    case 5:
      return distance_to_polygon(p, star);
    case 6: {  // three bars: the nearest one decides
      double nearest = std::numeric_limits<double>::max();
      for (const double y : {-0.62, 0.0, 0.62}) {
        const double dx = std::abs(p.x) - 0.8, dy = std::abs(p.y - y) - 0.17;
        const double outside = std::hypot(std::max(dx, 0.0), std::max(dy, 0.0));
        nearest = std::min(nearest, outside + std::min(std::max(dx, dy), 0.0));
      }
      return nearest;
    }
    case 7:
      return std::max(radius - 0.95, 0.72 - std::hypot(p.x - 0.45, p.y));
    case 8:
      return distance_to_polygon(p, ell);
    default: {
      double nearest = std::numeric_limits<double>::max();
      for (std::size_t i = 1; i < zigzag.size(); ++i) {
        nearest = std::min(nearest, distance_to_segment(p, zigzag[i - 1], zigzag[i]));
      }
      return nearest - 0.15;
    }
  }
}

/// Stripes of one side of the outline: amplitude * sin(x*wave_x + y*wave_y + phase).
struct glyph_stripes {
  double amplitude, wave_x, wave_y, phase;
  [[nodiscard]] double at(double x, double y) const {
    return amplitude * std::sin(x * wave_x + y * wave_y + phase);
  }
};

void draw_glyph(std::uint64_t seed, index_t index, std::uint8_t* image, const extents& sample) {
  const random_source source(seed, stream::glyphs, static_cast<std::uint64_t>(index));
  std::uint64_t drawn = 0;
  const auto between = [&](double low, double high) { return low + (high - low) * source.uniform(drawn++); };
  const auto stripes = [&] {
    const double amplitude = between(0, 0.08), angle = between(0, 2 * std::numbers::pi);
    const double wave = 2 * std::numbers::pi / between(3, 10);  // a length of 3 to 10 pixels
    return glyph_stripes{amplitude, wave * std::cos(angle), wave * std::sin(angle),
                         between(0, 2 * std::numbers::pi)};
  };

  const double scale = static_cast<double>(sample.width) / 32,
               middle = static_cast<double>(sample.width - 1) / 2;
  const double radius = scale * between(9, 13);  // pixels
  const double room =
      scale * 17 - radius;  // how far the centre may leave the middle: at most a corner is cut off
  const double centre_x = middle + between(-room, room), centre_y = middle + between(-room, room);
  const double turn = between(-0.5, 0.5);  // radians
  const double cosine = std::cos(turn), sine = std::sin(turn);
  const auto channels = static_cast<std::size_t>(sample.channels);
  std::array<double, 3> background{}, foreground{};
  for (std::size_t c = 0; c < channels; ++c) {
    const double contrast = between(0.4, 0.7);
    background[c] = between(0, 1 - contrast);
    foreground[c] = background[c] + contrast;
  }
  const glyph_stripes inside = stripes(), outside = stripes();
  const double ramp_x = between(-0.1, 0.1) / 16, ramp_y = between(-0.1, 0.1) / 16;
  const double noise = between(0.02, 0.08);

  // Noise is a sum of two bytes (a triangle of standard deviation 104.5): 8 values a block, and exact. Its
  // blocks start far behind those of the numbers above.
  constexpr std::uint64_t noise_begin = 64;
  constexpr double noise_unit = 1 / 104.5;
  const index_t label = index % glyph_classes;
  std::array<std::uint32_t, 4> words{};
  for (index_t i = 0, value = 0; i < sample.height * sample.width; ++i) {
    const double x = static_cast<double>(i % sample.width) - centre_x;
    const double y = static_cast<double>(i / sample.width) - centre_y;
    const glyph_point p{(cosine * x + sine * y) / radius, (cosine * y - sine * x) / radius};
    const double coverage = std::clamp(0.5 - radius * distance_to_glyph(label, p), 0.0, 1.0);
    const double shade =
        coverage * inside.at(x, y) + (1 - coverage) * outside.at(x, y) + ramp_x * x + ramp_y * y;
    for (std::size_t c = 0; c < channels; ++c, ++value) {
      if (value % 8 == 0) words = source.block(noise_begin + static_cast<std::uint64_t>(value / 8));
      const std::uint32_t pair = words[static_cast<std::size_t>(value % 8 / 2)] >> (value % 2 * 16);
      const auto sum = static_cast<double>((pair & 0xFFU) + (pair >> 8 & 0xFFU));
      const double colour = coverage * foreground[c] + (1 - coverage) * background[c] + shade;
      const double level = 255 * (colour + noise * (sum - 255) * noise_unit);
      image[value] = static_cast<std::uint8_t>(std::lround(std::clamp(level, 0.0, 255.0)));
    }
  }
}

image_dataset make_glyphs(index_t count, std::uint64_t seed, index_t first_index, const extents& sample) {
  constexpr index_t end = 0x7FFFFFFF;
  if (count < 1 || first_index < 0 || first_index > end || count > end - first_index) {
    fail("data.131", "glyphs", "found ", count, " images from index ", first_index,
         ", expected at least 1 image and indices from 0 to ", end - 1);
  }
  if ((sample.channels != 1 && sample.channels != 3) || sample.height != sample.width || sample.width < 16 ||
      sample.width > 256) {
    fail("data.132", "glyphs", "found C=", sample.channels, " H=", sample.height, " W=", sample.width,
         ", expected 1 or 3 channels and H = W from 16 to 256");
  }
  image_dataset data;
  data.name = "glyphs";
  data.sample = sample;
  data.classes = glyph_classes;
  glyph_pixels(sample.channels).give_to(data);
  data.labels.resize(static_cast<std::size_t>(count));
  data.pixels.resize(static_cast<std::size_t>(count * sample.size()));
  parallel_for(count, [&](index_t i) {
    data.labels[static_cast<std::size_t>(i)] = static_cast<class_label>((first_index + i) % glyph_classes);
    draw_glyph(seed, first_index + i, data.pixels.data() + i * sample.size(), sample);
  });
  return data;
}

image_dataset make_glyphs(index_t count, std::uint64_t seed, split part, const extents& sample) {
  if (count >= glyphs_test_begin) {
    fail("data.131", "glyphs", "found ", count, " images, expected 1 to ", glyphs_test_begin - 1);
  }
  return make_glyphs(count, seed, part == split::train ? index_t{0} : glyphs_test_begin, sample);
}

}  // namespace spankey
