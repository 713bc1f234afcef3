// Few samples of small images: a copy of the source with its padding written out.
//
// Targets are cut into parts that reach the same taps, and tiles take rows of one part only: with one 4 x 4 image the
// nine parts fill 16 of 54 rows. With zeros around the source there is one part, which fills 16 of 18; the zeros are
// multiplied, and that is still less work.
#pragma once

#include <algorithm>

#include "spankey/backend/cpu/conv2d_gather.hpp"
#include "spankey/backend/cpu/parallel.hpp"

namespace spankey::cpu {

/// Rows of a typical tile, for all instruction sets: which problems are padded depends on their sizes alone.
inline constexpr index_t padding_tile_rows = 6;
/// More samples fill the tiles by themselves.
inline constexpr index_t padding_samples = 8;

/// Rows times taps that tiles compute for a gather.
constexpr index_t tile_work(const conv2d_gather& g) {
  index_t work = 0;
  any_part(g, [&](const conv2d_part& part) {
    const index_t rows = g.samples * part.pixels_per_sample();
    work += (rows + padding_tile_rows - 1) / padding_tile_rows * padding_tile_rows * part.depth(1);
    return false;
  });
  return work;
}

/// The same convolution of a source that holds its padding: on the far sides as much as windows reach, at least as on the
/// near ones.
constexpr conv2d_problem padded_problem(const conv2d_problem& p) {
  const auto after = [&p](index_t in, index_t out) {
    return std::max(p.padding, (out - 1) * p.stride + p.kernel - p.padding - in);
  };
  conv2d_problem padded = p;
  padded.in.height += p.padding + after(p.in.height, p.out.height);
  padded.in.width += p.padding + after(p.in.width, p.out.width);
  padded.padding = 0;
  return padded;
}

constexpr bool pads_source(const conv2d_problem& p) {
  return padded_problem(p).in != p.in && p.samples <= padding_samples &&
         tile_work(forward_gather(padded_problem(p))) < tile_work(forward_gather(p));
}

/// Elements of padded sources for batches of at most p.samples samples.
constexpr index_t padded_source_size(const conv2d_problem& p) {
  return std::min(p.samples, padding_samples) * padded_problem(p).in.size();
}

/// to, with the extents of the padded problem, = x with zeros around every image.
template <class T>
void pad_source(const conv2d_problem& p, const T* x, T* to) {
  const extents wide = padded_problem(p).in;
  const index_t row = p.in.width * p.in.channels, border = p.padding * p.in.channels;
  parallel_for(p.samples, [&](index_t n) {
    T* const image = to + n * wide.size();
    std::fill_n(image, wide.size(), T{});
    for (index_t h = 0; h < p.in.height; ++h) {
      std::copy_n(x + (n * p.in.height + h) * row, row,
                  image + (h + p.padding) * wide.width * wide.channels + border);
    }
  });
}

}  // namespace spankey::cpu
