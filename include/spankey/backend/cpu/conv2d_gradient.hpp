// Weight gradient: dw(tap, i, o) += sum over pixels of x(tap's pixel, i) * dy(pixel, o), and the bias gradient.
//
// A task is a slice of every part's pixels x a block of dw's rows (tap, i) x a block of output channels. It
// packs dy of some pixels once and adds their products to its block of dw, tile by tile. Where dw has too few
// blocks to share, slices sum into copies of dw, which are then added in order: the slices follow from the
// problem alone, so the bits do not depend on the threads.
#pragma once

#include <algorithm>
#include <array>

#include "spankey/backend/cpu/conv2d_gather.hpp"
#include "spankey/backend/cpu/conv2d_tile.hpp"
#include "spankey/backend/cpu/parallel.hpp"

namespace spankey::cpu {

/// Rows of dw in one task; pixels whose dy is packed at a time (64 columns * 4 bytes * 256 = 64 KB).
inline constexpr index_t conv2d_gradient_rows = 576, conv2d_gradient_pixels = 256;
/// Tasks that a large problem is cut into, and the fewest pixels worth a copy of dw.
inline constexpr index_t conv2d_gradient_tasks = 64, conv2d_slice_pixels = 1024;

/// How dw is cut.
struct conv2d_gradient_plan {
  index_t rows, row_blocks, slices;
};

constexpr conv2d_gradient_plan gradient_plan(const conv2d_problem& p) {
  const index_t depth = p.kernel * p.kernel * p.in.channels;
  const index_t row_blocks = (depth + conv2d_gradient_rows - 1) / conv2d_gradient_rows;
  const index_t rows =
      ((depth + row_blocks - 1) / row_blocks + conv2d_max_rows - 1) / conv2d_max_rows * conv2d_max_rows;
  // Counted in the widest columns of any family, so that the plan is the same for all.
  const index_t blocks = row_blocks * (conv2d_blocks::padded(p.out.channels) / conv2d_max_width);
  const index_t wanted = (conv2d_gradient_tasks + blocks - 1) / blocks;
  const index_t useful = p.samples * p.out.height * p.out.width / conv2d_slice_pixels;
  return {rows, row_blocks, std::max<index_t>(1, std::min(wanted, useful))};
}

/// One task's share of dw: rows [row_begin, row_end) x one block of output channels, summed into dw.
struct conv2d_gradient_share {
  index_t slice, slices, row_begin, row_end, block;
  float* dw;
};

/// A tile whose last rows or columns do not exist: computed beside dw, then copied.
inline void gradient_at_edge(const conv2d_tile& tile, index_t rows, index_t valid, const float* const* source,
                             index_t offset, const float* dy, index_t pixels, float* const* to) {
  alignas(64) float sums[conv2d_max_rows][conv2d_max_width] = {};
  std::array<float*, conv2d_max_rows> spare;
  std::array<index_t, conv2d_max_rows> channel;
  for (std::size_t i = 0; i < conv2d_max_rows; ++i) {
    spare[i] = sums[i];
    channel[i] = std::min(static_cast<index_t>(i), rows - 1);
  }
  for (std::size_t i = 0; i < static_cast<std::size_t>(rows); ++i) std::copy_n(to[i], valid, sums[i]);
  tile.gradient(source, offset, channel.data(), dy, pixels, spare.data());
  for (std::size_t i = 0; i < static_cast<std::size_t>(rows); ++i) std::copy_n(sums[i], valid, to[i]);
}

inline void run_gradient_share(const conv2d_gather& g, const conv2d_blocks& blocks, const float* x,
                               const float* dy, const conv2d_gradient_share& share) {
  const conv2d_tile& tile = blocks.tile(share.block);
  const index_t width = blocks.width(share.block), valid = blocks.valid(share.block);
  const index_t first = blocks.begin(share.block), channels = g.source.channels;
  const index_t line = g.columns.taps * channels;  // rows of dw that belong to one kernel row
  constexpr std::array<index_t, conv2d_max_rows> channel{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
  alignas(64) std::array<float, conv2d_gradient_pixels * conv2d_max_width> packed;
  std::array<const float*, conv2d_gradient_pixels> source;

  const auto run_pixels = [&](const conv2d_part& part, index_t begin, index_t end) {
    index_t count = 0;
    for_each_pixel(g, part, begin, end, [&](index_t from, index_t to) {
      source[static_cast<std::size_t>(count)] = x + from;
      float* const row = packed.data() + count++ * width;
      std::copy_n(dy + to + first, valid, row);
      std::fill(row + valid, row + width, 0.0F);
    });
    for (index_t r = part.rows.tap_begin; r < part.rows.tap_end; ++r) {
      const index_t line_begin = part.columns.tap_begin * channels;
      const index_t q_end = std::min(share.row_end - r * line, part.columns.tap_end * channels);
      for (index_t q = std::max(share.row_begin - r * line, line_begin); q < q_end; q += tile.rows) {
        const index_t rows = std::min(tile.rows, q_end - q);
        const index_t offset = (r - part.rows.tap_begin) * g.source.width * channels + q - line_begin;
        std::array<float*, conv2d_max_rows> to;
        for (index_t i = 0; i < rows; ++i) {
          to[static_cast<std::size_t>(i)] = share.dw + (r * line + q + i) * g.target.channels + first;
        }
        if (rows == tile.rows && valid == width) {
          tile.gradient(source.data(), offset, channel.data(), packed.data(), count, to.data());
        } else {
          gradient_at_edge(tile, rows, valid, source.data(), offset, packed.data(), count, to.data());
        }
      }
    }
  };
  any_part(g, [&](const conv2d_part& part) {
    const index_t pixels = g.samples * part.pixels_per_sample();
    const index_t end = pixels * (share.slice + 1) / share.slices;
    index_t begin = pixels * share.slice / share.slices;
    if (part.depth(channels) == 0) return false;
    for (; begin < end; begin += conv2d_gradient_pixels) {
      run_pixels(part, begin, std::min(end, begin + conv2d_gradient_pixels));
    }
    return false;
  });
}

/// to(i) += parts(0, i) + parts(1, i) + ..., in this order.
inline void add_in_order(const conv2d_tiles& tiles, const float* parts, index_t count, index_t size,
                         float* to) {
  constexpr index_t chunk = 4096;
  parallel_for((size + chunk - 1) / chunk, [&](index_t task) {
    const index_t begin = task * chunk, length = std::min(chunk, size - begin);
    for (index_t part = 0; part < count; ++part) tiles.add(parts + part * size + begin, length, to + begin);
  });
}

/// dw += x^T dy; scratch takes slices * weight_size floats where there is more than one slice.
inline void add_weight_gradient(const conv2d_problem& p, const float* x, const float* dy, float* dw,
                                float* scratch) {
  const conv2d_gradient_plan plan = gradient_plan(p);
  const conv2d_gather g = forward_gather(p);
  const conv2d_blocks blocks{active_conv2d_tiles(), p.out.channels};
  const index_t units = plan.row_blocks * blocks.count(), size = p.weight_size();
  parallel_for(plan.slices * units, [&](index_t task) {
    conv2d_gradient_share share{};
    share.slice = task / units;
    share.slices = plan.slices;
    share.block = task % units / plan.row_blocks;
    share.row_begin = task % plan.row_blocks * plan.rows;
    share.row_end = std::min(g.depth(), share.row_begin + plan.rows);
    share.dw = plan.slices == 1 ? dw : scratch + share.slice * size;
    if (plan.slices > 1) {
      for (index_t row = share.row_begin; row < share.row_end; ++row) {
        std::fill_n(share.dw + row * p.out.channels + blocks.begin(share.block), blocks.valid(share.block),
                    0.0F);
      }
    }
    run_gradient_share(g, blocks, x, dy, share);
  });
  if (plan.slices > 1) add_in_order(blocks.tiles, scratch, plan.slices, size, dw);
}

/// dbias += sum of dy over all pixels; scratch takes conv2d_gradient_tasks * O floats.
inline void add_bias_gradient(const conv2d_problem& p, const float* dy, float* dbias, float* scratch) {
  const conv2d_tiles tiles = active_conv2d_tiles();
  const index_t channels = p.out.channels, pixels = p.samples * p.out.height * p.out.width;
  const index_t slices = std::min(conv2d_gradient_tasks, pixels);
  parallel_for(slices, [&](index_t slice) {
    float* const sums = scratch + slice * channels;
    std::fill_n(sums, channels, 0.0F);
    for (index_t pixel = pixels * slice / slices; pixel < pixels * (slice + 1) / slices; ++pixel) {
      tiles.add(dy + pixel * channels, channels, sums);
    }
  });
  add_in_order(tiles, scratch, slices, channels, dbias);
}

}  // namespace spankey::cpu
