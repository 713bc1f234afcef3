// Weight gradient on AMX tiles, bf16:
//   dw(tap, i, o) += sum over pixels and samples of x(n, tap's pixel, i) dy(n, pixel, o)
//
// The sum over 32 samples is one step of the tiles: rows are input channels, words pairs of samples. Some blocks of 32
// samples at a time are laid out in scratch, x as (pixel, 32 channels, block, channel, 16 words), dy as (pixel, 32
// channels, block, 16 words, channel), so that a walk over pixels and blocks is a sum for one tap. A task takes 64 x 64
// channels of dw, all taps, and a slice of the units (rectangle of pixels x blocks of samples); where there are several
// slices each sums into its own copy of dw, and these are added in order.
#pragma once

#include <algorithm>
#include <array>

#include "spankey/backend/cpu/conv2d_amx_plan.hpp"
#include "spankey/backend/cpu/conv2d_amx_rows.hpp"
#include "spankey/backend/cpu/conv2d_gradient.hpp"
#include "spankey/backend/cpu/parallel.hpp"

namespace spankey::cpu {

/// Words laid out at a time (16 MB), channels of a task's share of dw, and steps of one unit: few enough that its
/// operands stay in the second-level cache, enough to pay for loading and storing the sums.
inline constexpr index_t amx_gradient_words = index_t{1} << 22, amx_gradient_channels = 64;
inline constexpr index_t amx_unit_most = 64, amx_unit_least = 16;

/// How the weight gradient is cut.
struct amx_gradient_plan {
  index_t blocks;               // of 32 samples, laid out at a time
  index_t rows, columns, some;  // a unit: rows x columns of outputs, some blocks of samples
  index_t slices;

  [[nodiscard]] constexpr index_t units(const conv2d_problem& p, index_t present) const {
    return pieces(p.out.height, rows) * pieces(p.out.width, columns) * pieces(present, some);
  }
};

/// Words of one pixel in one block of samples.
constexpr index_t amx_pixel_words(index_t channels) { return pieces(channels, amx_rows) * amx_step_words; }
/// Words of x and of dy in one block of samples.
constexpr index_t amx_source_words(const conv2d_problem& p) {
  return p.in.height * p.in.width * amx_pixel_words(p.in.channels);
}
constexpr index_t amx_target_words(const conv2d_problem& p) {
  return p.out.height * p.out.width * amx_pixel_words(p.out.channels);
}

constexpr amx_gradient_plan plan_amx_gradient(const conv2d_problem& p) {
  const index_t fitting = amx_gradient_words / (amx_source_words(p) + amx_target_words(p));
  const index_t all = pieces(p.samples, amx_rows), rounds = pieces(all, std::max<index_t>(1, fitting));
  const index_t shares =
      pieces(p.in.channels, amx_gradient_channels) * pieces(p.out.channels, amx_gradient_channels);
  const index_t wanted = pieces(amx_wanted_tasks, shares);
  amx_gradient_plan plan{};
  for (index_t steps = amx_unit_most; steps >= amx_unit_least; steps /= 2) {
    plan.blocks = pieces(all, rounds);
    plan.columns = std::min<index_t>(p.out.width, 8);
    plan.rows = std::clamp<index_t>(steps / plan.columns, 1, p.out.height);
    plan.some = std::clamp<index_t>(steps / (plan.rows * plan.columns), 1, plan.blocks);
    const index_t units = plan.units(p, plan.blocks);
    plan.slices = std::min(wanted, units);
    if (units % wanted == 0) break;
  }
  return plan;
}

/// Floats of scratch that add_amx_gradient needs.
constexpr index_t amx_gradient_scratch(const conv2d_problem& p) {
  if (!fits_amx(p, p.in.channels)) return 0;
  const amx_gradient_plan plan = plan_amx_gradient(p);
  return plan.blocks * (amx_source_words(p) + amx_target_words(p)) +
         (plan.slices > 1 ? plan.slices * p.weight_size() : 0);
}

/// Samples laid out: `present` blocks of 32.
struct amx_gradient_operands {
  const std::uint32_t* x;
  const std::uint32_t* dy;
  index_t present;
};

/// Lays out one row of pixels of one block of samples, channels last in `from`. Layout is amx_transpose_samples or
/// amx_pair_samples.
template <class Layout>
void lay_out(const extents& e, const bf16* from, index_t samples, index_t block, index_t blocks, index_t row,
             const Layout& layout, std::uint32_t* to) {
  const index_t size = e.size(), count = std::min(amx_rows, samples - block * amx_rows);
  for (index_t column = 0; column < e.width; ++column) {
    const index_t pixel = row * e.width + column;
    layout(amx_samples{from + block * amx_rows * size + pixel * e.channels, size, count}, e.channels,
           to + pixel * amx_pixel_words(e.channels) * blocks + block * amx_step_words,
           blocks * amx_step_words);
  }
}

/// Targets of [begin, end) whose tap lies inside the image.
struct amx_span {
  index_t begin, end;
};
constexpr amx_span reaching(const conv2d_axis& axis, index_t tap, index_t begin, index_t end) {
  const auto source = [&](index_t t) { return t * axis.step + axis.origin + tap; };
  while (begin < end && source(begin) < 0) ++begin;
  while (begin < end && source(end - 1) >= axis.sources) --end;
  return {begin, end};
}

/// One product of 32 x 32 channels into dw (tap's rows of I, O); beside it where fewer exist.
inline void multiply_gradient(const amx_kernels& kernels, const amx_walk& walk, const std::uint32_t* x,
                              const std::uint32_t* dy, index_t rows, index_t columns, float* dw,
                              index_t width) {
  if (rows == amx_rows && columns == amx_rows) return kernels.wide(walk, x, dy, false, dw, width);
  alignas(64) std::array<float, amx_rows * amx_rows> sums;
  for (index_t i = 0; i < rows; ++i) std::copy_n(dw + i * width, columns, sums.data() + i * amx_rows);
  kernels.wide(walk, x, dy, false, sums.data(), amx_rows);
  for (index_t i = 0; i < rows; ++i) std::copy_n(sums.data() + i * amx_rows, columns, dw + i * width);
}

/// dw (64 x 64 channels from `in` and `out` on) += one unit: outputs from (row, column) on, blocks of samples from
/// `first` on.
inline void add_amx_unit(const conv2d_gather& g, const amx_gradient_plan& plan, const amx_kernels& kernels,
                         const amx_gradient_operands& data, index_t in, index_t out, index_t row,
                         index_t column, index_t first, float* dw) {
  const index_t x_pixel = amx_pixel_words(g.source.channels) * data.present;
  const index_t dy_pixel = amx_pixel_words(g.target.channels) * data.present;
  amx_walk walk{};
  walk.steps = std::min(plan.some, data.present - first);
  walk.a_row = g.rows.step * g.source.width * x_pixel;
  walk.a_column = g.columns.step * x_pixel;
  walk.b_row = g.target.width * dy_pixel;
  walk.b_column = dy_pixel;
  walk.b_width = amx_rows;
  walk.b_last = (walk.steps - 1) * amx_step_words;
  for (index_t r = 0; r < g.rows.taps; ++r)
    for (index_t c = 0; c < g.columns.taps; ++c) {
      const amx_span rows = reaching(g.rows, r, row, std::min(g.rows.targets, row + plan.rows));
      const amx_span columns =
          reaching(g.columns, c, column, std::min(g.columns.targets, column + plan.columns));
      walk.rows = rows.end - rows.begin;
      walk.columns = columns.end - columns.begin;
      if (walk.rows == 0 || walk.columns == 0) continue;
      const index_t x_row = rows.begin * g.rows.step + g.rows.origin + r;
      const index_t x_column = columns.begin * g.columns.step + g.columns.origin + c;
      const std::uint32_t* const x =
          data.x + (x_row * g.source.width + x_column) * x_pixel + first * amx_step_words;
      const std::uint32_t* const dy =
          data.dy + (rows.begin * g.target.width + columns.begin) * dy_pixel + first * amx_step_words;
      const index_t last_in = std::min(g.source.channels, in + amx_gradient_channels);
      const index_t last_out = std::min(g.target.channels, out + amx_gradient_channels);
      for (index_t i = in; i < last_in; i += amx_rows)
        for (index_t o = out; o < last_out; o += amx_rows)
          multiply_gradient(kernels, walk, x + i * amx_words * data.present,
                            dy + o * amx_words * data.present, std::min(amx_rows, last_in - i),
                            std::min(amx_rows, last_out - o),
                            dw + ((r * g.columns.taps + c) * g.source.channels + i) * g.target.channels + o,
                            g.target.channels);
    }
}

/// dw += x^T dy, as add_weight_gradient; scratch takes amx_gradient_scratch floats.
inline void add_amx_gradient(const conv2d_problem& p, const bf16* x, const bf16* dy, float* dw,
                             float* scratch) {
  const amx_gradient_plan plan = plan_amx_gradient(p);
  const conv2d_gather g = forward_gather(p);
  auto* const laid_x = reinterpret_cast<std::uint32_t*>(scratch);
  std::uint32_t* const laid_dy = laid_x + plan.blocks * amx_source_words(p);
  float* const copies = scratch + plan.blocks * (amx_source_words(p) + amx_target_words(p));
  const index_t in_blocks = pieces(p.in.channels, amx_gradient_channels);
  const index_t shares = in_blocks * pieces(p.out.channels, amx_gradient_channels), size = p.weight_size();
  const amx_kernels kernels = active_amx_kernels();
  const auto transpose = SPANKEY_DISPATCH_BF16(amx_transpose_samples);
  const auto pair = SPANKEY_DISPATCH_BF16(amx_pair_samples);

  for (index_t first = 0; first < p.samples; first += plan.blocks * amx_rows) {
    const index_t samples = std::min(plan.blocks * amx_rows, p.samples - first);
    const index_t present = pieces(samples, amx_rows);
    parallel_for(present * (p.in.height + p.out.height), [&](index_t task) {
      const index_t block = task % present, row = task / present;
      if (row < p.in.height) {
        lay_out(p.in, x + first * p.in.size(), samples, block, present, row, transpose, laid_x);
      } else {
        lay_out(p.out, dy + first * p.out.size(), samples, block, present, row - p.in.height, pair, laid_dy);
      }
    });
    const amx_gradient_operands data{laid_x, laid_dy, present};
    const index_t units = plan.units(p, present), across = pieces(p.out.width, plan.columns);
    const index_t some = pieces(present, plan.some);
    parallel_for(plan.slices * shares, [&](index_t task) {
      const index_t slice = task / shares, share = task % shares;
      const index_t in = share % in_blocks * amx_gradient_channels,
                    out = share / in_blocks * amx_gradient_channels;
      float* const to = plan.slices == 1 ? dw : copies + slice * size;
      if (plan.slices > 1 && first == 0) {
        const index_t width = std::min(amx_gradient_channels, p.out.channels - out);
        for (index_t tap = 0; tap < p.kernel * p.kernel; ++tap)
          for (index_t i = in; i < std::min(p.in.channels, in + amx_gradient_channels); ++i)
            std::fill_n(to + (tap * p.in.channels + i) * p.out.channels + out, width, 0.0F);
      }
      const amx_session session(kernels);
      for (index_t unit = units * slice / plan.slices; unit < units * (slice + 1) / plan.slices; ++unit) {
        add_amx_unit(g, plan, kernels, data, in, out, unit / some / across * plan.rows,
                     unit / some % across * plan.columns, unit % some * plan.some, to);
      }
    });
  }
  if (plan.slices > 1) add_in_order(copies, plan.slices, size, dw);
}

}  // namespace spankey::cpu
