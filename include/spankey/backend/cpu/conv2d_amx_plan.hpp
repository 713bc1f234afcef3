// How products on AMX tiles (conv2d_amx.hpp) are cut: by the problem's size alone.
//
// Counted, not measured: a step of 32 samples x 32 channels x 64 targets is 8 products of 16 cycles. A task brings its
// slab and its weights into the second-level cache (2 MB); of all shapes that are small enough to give 64 cores
// work, the one that brings in the fewest bytes a product is taken.
#pragma once

#include <algorithm>

#include "spankey/backend/cpu/conv2d_amx_tile.hpp"
#include "spankey/backend/cpu/conv2d_gather.hpp"
#include "spankey/backend/cpu/conv2d_tile.hpp"
#include "spankey/backend/cpu/lanes.hpp"

namespace spankey::cpu {

/// Steps that a slab holds (2 KB each, 512 KB), most targets of a task's rectangle, and how many of them may rest
/// between slices (8 KB each).
inline constexpr index_t amx_slab_steps = 256, amx_task_pixels = 64, amx_resting_pixels = 16;
/// Floats of one target pixel's sums: 32 samples x 64 channels.
inline constexpr index_t amx_pixel_sums = amx_rows * conv2d_max_width;
/// Cycles of one step for 64 targets. Tasks wanted (twice as many would fetch the weights of a small image twice as
/// often, more than a shared cache can serve), and the cycles that one may take: 5 to 200 microseconds.
inline constexpr index_t amx_step_cycles = 128, amx_wanted_tasks = 64, amx_task_least = 16'000,
                         amx_task_most = 600'000;
/// Most gathers of one pass, and most taps.
inline constexpr index_t amx_gathers = 4, amx_taps = 64;

/// Whether tiles serve the products and gradients of this problem that read `channels` source channels.
constexpr bool fits_amx(const conv2d_problem& p, index_t channels) {
  return p.samples >= 16 && channels >= 16 && p.stride * p.stride <= amx_gathers &&
         p.kernel * p.kernel <= amx_taps;
}

/// Steps of one tap.
constexpr index_t amx_steps(index_t channels) { return pieces(words_for<bf16>(channels), amx_words); }

/// Steps of the slab that copied weights take: 16 x 64 words a tap where channels have fewer than 16 words.
constexpr index_t amx_copied_steps(const conv2d_gather& g) {
  return words_for<bf16>(g.source.channels) < amx_words ? 2 * g.rows.taps * g.columns.taps : 0;
}

/// Sources that `targets` neighbours along one axis reach at most.
constexpr index_t amx_sources(const conv2d_axis& axis, index_t targets) {
  return std::min(axis.sources, (targets - 1) * std::min(axis.step, axis.taps) + axis.taps);
}

/// Cycles of the tiles for one target pixel of 32 samples and 64 target channels.
constexpr index_t amx_pixel_cycles(const conv2d_gather& g) {
  return std::max<index_t>(1, g.rows.taps * g.columns.taps) * amx_steps(g.source.channels) * amx_step_cycles;
}
/// Of a whole gather with `blocks` blocks of targets.
constexpr index_t amx_cycles(const conv2d_gather& g, index_t blocks) {
  return pieces(g.samples, amx_rows) * g.rows.targets * g.columns.targets * blocks * amx_pixel_cycles(g);
}

/// Targets (rows x columns) and blocks of target channels of one task; steps of one slice.
struct amx_plan {
  index_t rows, columns, blocks, steps;

  [[nodiscard]] constexpr index_t tasks(const conv2d_gather& g, index_t all_blocks) const {
    return pieces(g.samples, amx_rows) * pieces(g.rows.targets, rows) * pieces(g.columns.targets, columns) *
           pieces(all_blocks, blocks);
  }
};

/// The plan of one gather, `cycles` being those of the whole pass.
constexpr amx_plan plan_amx(const conv2d_gather& g, index_t all_blocks, index_t cycles) {
  const index_t capacity = amx_slab_steps - amx_copied_steps(g), steps = amx_steps(g.source.channels);
  const auto sources = [&g](index_t rows, index_t columns) {
    return amx_sources(g.rows, rows) * amx_sources(g.columns, columns);
  };
  const index_t slices = pieces(steps, capacity / std::max<index_t>(1, sources(1, 1)));
  const index_t slice = pieces(steps, slices);
  const index_t most = std::clamp(cycles / amx_wanted_tasks, amx_task_least, amx_task_most);
  constexpr index_t step_bytes = amx_step_words * 4,
                    task_bytes = step_bytes;  // a task costs something by itself
  const index_t weight_bytes = g.rows.taps * g.columns.taps * steps * 2 * step_bytes;
  const auto doubled = [](index_t value, index_t limit) {
    return value < limit ? std::min(2 * value, limit) : limit + 1;
  };

  amx_plan best{1, 1, 1, slice};
  index_t best_bytes = task_bytes + sources(1, 1) * steps * step_bytes + weight_bytes;
  for (index_t blocks = 1; blocks <= all_blocks; blocks = doubled(blocks, all_blocks))
    for (index_t rows = 1; rows <= g.rows.targets; rows = doubled(rows, g.rows.targets))
      for (index_t columns = 1; columns <= g.columns.targets; columns = doubled(columns, g.columns.targets)) {
        const index_t pixels = rows * columns, work = pixels * blocks;
        if (pixels > amx_task_pixels || sources(rows, columns) * slice > capacity) continue;
        if (slices > 1 && (pixels > amx_resting_pixels || blocks > 1)) continue;
        if (work * amx_pixel_cycles(g) > most) continue;
        const index_t bytes =
            task_bytes + sources(rows, columns) * steps * step_bytes + blocks * weight_bytes;
        if (bytes * best.rows * best.columns * best.blocks >= best_bytes * work) continue;
        best = {rows, columns, blocks, slice};
        best_bytes = bytes;
      }
  return best;
}

}  // namespace spankey::cpu
