// Weight gradient: dw(tap, i, o) += sum over pixels of x(tap's pixel, i) * dy(pixel, o), and the bias gradient.
//
// A task is a slice of every part's pixels x a block of dw's rows (tap, i) x a block of output channels. It
// packs dy of some pixels once and adds their products to its block of dw, tile by tile. Where dw has too few
// blocks to share, slices sum into copies of dw, which are then added in order: the slices follow from the
// problem alone, so the bits do not depend on the threads.
//
// bf16 is multiplied in pairs, here of two samples: x and dy are read as tensors of half as many samples whose
// elements are words. x is paired first, some samples at a time; dy as it is packed.
#pragma once

#include <algorithm>
#include <array>

#include "spankey/backend/cpu/conv2d_gather.hpp"
#include "spankey/backend/cpu/conv2d_rows.hpp"
#include "spankey/backend/cpu/conv2d_tile.hpp"
#include "spankey/backend/cpu/parallel.hpp"

namespace spankey::cpu {

/// Rows of dw in one task; pixels whose dy is packed at a time (64 columns * 4 bytes * 256 = 64 KB).
inline constexpr index_t conv2d_gradient_rows = 576, conv2d_gradient_pixels = 256;
/// Tasks that a large problem is cut into, and the fewest pixels worth a copy of dw.
inline constexpr index_t conv2d_gradient_tasks = 64, conv2d_slice_pixels = 1024;

/// Words of one line of the caches.
inline constexpr index_t conv2d_line_words = 16;

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
  const index_t blocks = row_blocks * (padded_channels(p.out.channels) / conv2d_max_width);
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
template <class T>
void gradient_at_edge(const conv2d_tile<T>& tile, index_t rows, index_t valid, const word_t<T>* const* source,
                      index_t offset, const word_t<T>* dy, index_t pixels, float* const* to) {
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

/// Operands of a weight gradient: x in words, dy of `samples` samples.
template <class T>
struct conv2d_gradient_operands {
  const word_t<T>* x;
  const T* dy;
  index_t samples;
};

/// Words of dy at one target pixel (in words) from channel `first` on: a row, or the rows of a pair of samples.
template <class T>
void pack_gradient_row(const conv2d_gather& g, const conv2d_gradient_operands<T>& data, index_t pixel,
                       index_t first, index_t valid, word_t<T>* to) {
  constexpr index_t ahead = 12;  // pixels
  if constexpr (terms_of_word<T> == 1) {
    const T* const row = data.dy + pixel + first;
    ask_for_row(row, ahead * g.target.channels, valid);
    std::copy_n(row, valid, to);
  } else {
    const index_t size = g.target.size(), pair = pixel / size;
    const T* const row = data.dy + pair * size + pixel + first;
    const index_t step = g.target.height * g.target.width == 1 ? 2 * ahead * size : ahead * g.target.channels;
    ask_for_row(row, step, valid);
    ask_for_row(row, step + size, valid);
    SPANKEY_DISPATCH(pair_rows)(row, 2 * pair + 1 < data.samples ? row + size : nullptr, valid, to);
  }
}

template <class T>
void run_gradient_share(const conv2d_gather& g, const conv2d_blocks<T>& blocks,
                        const conv2d_gradient_operands<T>& data, const conv2d_gradient_share& share) {
  const conv2d_tile<T>& tile = blocks.tile(share.block);
  const index_t width = blocks.width(share.block), valid = blocks.valid(share.block);
  const index_t first = blocks.begin(share.block), channels = g.source.channels;
  const index_t line = g.columns.taps * channels;  // rows of dw that belong to one kernel row
  constexpr std::array<index_t, conv2d_max_rows> channel{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
  alignas(64) std::array<word_t<T>, conv2d_gradient_pixels * conv2d_max_width> packed;
  std::array<const word_t<T>*, conv2d_gradient_pixels> source;

  const bool one_tap = g.rows.taps * g.columns.taps == 1;

  const auto run_pixels = [&](const conv2d_part& part, index_t begin, index_t end) {
    index_t count = 0;
    for_each_pixel(g, part, begin, end, [&](index_t from, index_t to) {
      source[static_cast<std::size_t>(count)] = data.x + from;
      // Tiles walk down the pixels, too far apart for the processor to see: it is told once, along a row.
      if (one_tap)
        for (index_t q = share.row_begin; q < share.row_end; q += conv2d_line_words)
          __builtin_prefetch(data.x + from + q, 0, 2);
      word_t<T>* const row = packed.data() + count++ * width;
      pack_gradient_row(g, data, to, first, valid, row);
      std::fill(row + valid, row + width, word_t<T>{});
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
        ask_for_rows(to.data(), rows, valid);
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
inline void add_in_order(const float* parts, index_t count, index_t size, float* to) {
  constexpr index_t chunk = 4096;
  const auto add = SPANKEY_DISPATCH(add_row);
  parallel_for((size + chunk - 1) / chunk, [&](index_t task) {
    const index_t begin = task * chunk, length = std::min(chunk, size - begin);
    for (index_t part = 0; part < count; ++part) add(parts + part * size + begin, length, to + begin);
  });
}

/// dw += x^T dy; p counts samples of words. scratch takes slices * weight_size floats where there is more than one
/// slice.
template <class T>
void add_word_gradient(const conv2d_problem& p, const conv2d_gradient_operands<T>& data, float* dw,
                       float* scratch) {
  const conv2d_gradient_plan plan = gradient_plan(p);
  const conv2d_gather g = forward_gather(p);
  const conv2d_blocks<T> blocks{active_conv2d_tiles<T>(), p.out.channels};
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
    run_gradient_share(g, blocks, data, share);
  });
  if (plan.slices > 1) add_in_order(scratch, plan.slices, size, dw);
}

/// Samples whose pairs are made at a time: 8 MB of words, so that they are still in the last-level cache when they
/// are read.
constexpr index_t paired_samples(const conv2d_problem& p) {
  const index_t fitting = (index_t{1} << 21) / p.in.size() * 2;
  return std::max<index_t>(2, std::min(fitting, (p.samples + 1) / 2 * 2));
}

/// Floats of scratch that add_weight_gradient needs, for every instruction set.
template <class T>
constexpr index_t gradient_scratch_size(const conv2d_problem& p) {
  conv2d_problem part = p;
  if (terms_of_word < T >> 1) part.samples = paired_samples(p) / 2;
  const index_t slices = gradient_plan(part).slices;
  return (slices > 1 ? slices * p.weight_size() : 0) +
         (terms_of_word<T> > 1 ? part.samples * p.in.size() : 0);
}

/// dw += x^T dy.
template <class T>
void add_weight_gradient(const conv2d_problem& p, const T* x, const T* dy, float* dw, float* scratch) {
  if constexpr (terms_of_word<T> == 1) {
    add_word_gradient<T>(p, {x, dy, p.samples}, dw, scratch);
  } else {
    const index_t size = p.in.size(), at_once = paired_samples(p);
    auto* const pairs = reinterpret_cast<word_t<T>*>(scratch);
    for (index_t first = 0; first < p.samples; first += at_once) {
      const index_t samples = std::min(at_once, p.samples - first);
      constexpr index_t block = 16384;
      const index_t blocks = (size + block - 1) / block, together = std::max<index_t>(1, block / size);
      conv2d_problem part = p;
      part.samples = (samples + 1) / 2;
      const auto pair_up = SPANKEY_DISPATCH(pair_rows);
      // A task takes a block of a pair, or several pairs of small samples.
      parallel_for((part.samples + together - 1) / together * blocks, [&](index_t task) {
        const index_t begin = task % blocks * block, least = task / blocks * together;
        for (index_t pair = least; pair < std::min(part.samples, least + together); ++pair) {
          const T* const from = x + (first + 2 * pair) * size + begin;
          pair_up(from, 2 * pair + 1 < samples ? from + size : nullptr, std::min(block, size - begin),
                  pairs + pair * size + begin);
        }
      });
      add_word_gradient<T>(part, {pairs, dy + first * p.out.size(), samples}, dw,
                           scratch + at_once / 2 * size);
    }
  }
}

/// dbias += sum of dy over all pixels; scratch takes conv2d_gradient_tasks * O floats.
template <class T>
void add_bias_gradient(const conv2d_problem& p, const T* dy, float* dbias, float* scratch) {
  const index_t channels = p.out.channels, pixels = p.samples * p.out.height * p.out.width;
  const index_t slices = std::min(conv2d_gradient_tasks, pixels);
  const auto add = SPANKEY_DISPATCH(add_row);
  parallel_for(slices, [&](index_t slice) {
    float* const sums = scratch + slice * channels;
    std::fill_n(sums, channels, 0.0F);
    for (index_t pixel = pixels * slice / slices; pixel < pixels * (slice + 1) / slices; ++pixel) {
      add(dy + pixel * channels, channels, sums);
    }
  });
  add_in_order(scratch, slices, channels, dbias);
}

}  // namespace spankey::cpu
