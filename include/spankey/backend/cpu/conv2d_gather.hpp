// Geometry shared by the three passes: which source pixels a target pixel sums over.
//
// Along each axis, target t reads source t*step + origin + tap for every tap in [0, taps) that lies inside the
// image. Forward: targets are outputs, sources inputs. Backward to the data: targets are the input pixels of
// one residue modulo the stride (others are reached by other taps), sources outputs; the taps come in
// descending kernel order so that sources ascend. Ascending sources make one kernel row contiguous in memory.
//
// Targets are cut into parts that reach the same taps (the interior, each border, each corner): inside a part
// no pixel needs a test, and no multiplication by padding is ever done.
#pragma once

#include <algorithm>

#include "spankey/backend/backend.hpp"

namespace spankey::cpu {

/// One axis of a gather.
struct conv2d_axis {
  index_t targets, sources, step, origin, taps;
  index_t target_step, target_origin;  // target t lies at row (column) t*target_step + target_origin
  index_t kernel_first, kernel_step;   // tap j is kernel row (column) kernel_first + j*kernel_step
};

/// Targets [begin, end) of one axis that reach the same taps [tap_begin, tap_end).
struct conv2d_run {
  index_t begin, end, tap_begin, tap_end;
  [[nodiscard]] constexpr index_t size() const { return end - begin; }
  [[nodiscard]] constexpr index_t taps() const { return tap_end - tap_begin; }
};

/// The taps that target `t` reaches.
constexpr conv2d_run taps_at(const conv2d_axis& axis, index_t t) {
  const index_t before = t * axis.step + axis.origin, first = std::clamp<index_t>(-before, 0, axis.taps);
  return {t, t + 1, first, std::clamp<index_t>(axis.sources - before, first, axis.taps)};
}

/// The run that starts at target `begin`.
constexpr conv2d_run run_at(const conv2d_axis& axis, index_t begin) {
  conv2d_run run = taps_at(axis, begin);
  for (; run.end < axis.targets; ++run.end) {
    const conv2d_run next = taps_at(axis, run.end);
    if (next.tap_begin != run.tap_begin || next.tap_end != run.tap_end) break;
  }
  return run;
}

/// One gather of a whole batch. Sources and targets are channels last.
struct conv2d_gather {
  index_t samples;
  extents source, target;
  conv2d_axis rows, columns;
  /// Terms of one target channel where no tap is cut off.
  [[nodiscard]] constexpr index_t depth() const { return rows.taps * columns.taps * source.channels; }
};

/// A rectangle of targets that reach the same taps, in all samples; pixels are numbered sample, row, column.
struct conv2d_part {
  conv2d_run rows, columns;
  [[nodiscard]] constexpr index_t pixels_per_sample() const { return rows.size() * columns.size(); }
  [[nodiscard]] constexpr index_t depth(index_t channels) const {
    return rows.taps() * columns.taps() * channels;
  }
};

/// Calls f(part) for every part, in a fixed order, until f returns true; says whether one did.
template <class F>
constexpr bool any_part(const conv2d_gather& g, const F& f) {
  for (index_t row = 0; row < g.rows.targets;) {
    const conv2d_run rows = run_at(g.rows, row);
    for (index_t column = 0; column < g.columns.targets;) {
      const conv2d_run columns = run_at(g.columns, column);
      if (f(conv2d_part{rows, columns})) return true;
      column = columns.end;
    }
    row = rows.end;
  }
  return false;
}

/// Calls f(source offset, target offset) for pixels [begin, end) of a part, in elements. The source offset is
/// that of the part's first tap (0 where a part reaches no tap).
template <class F>
constexpr void for_each_pixel(const conv2d_gather& g, const conv2d_part& part, index_t begin, index_t end,
                              const F& f) {
  const index_t width = part.columns.size(), per_sample = part.pixels_per_sample();
  const bool reached = part.rows.taps() > 0 && part.columns.taps() > 0;
  index_t n = begin / per_sample, row = begin % per_sample / width, column = begin % width;
  for (index_t pixel = begin; pixel < end;) {
    const index_t a = part.rows.begin + row, b = part.columns.begin + column;
    const index_t source_row = n * g.source.height + a * g.rows.step + g.rows.origin + part.rows.tap_begin;
    const index_t source_column = b * g.columns.step + g.columns.origin + part.columns.tap_begin;
    const index_t target_row = n * g.target.height + a * g.rows.target_step + g.rows.target_origin;
    const index_t target_column = b * g.columns.target_step + g.columns.target_origin;
    index_t source = (source_row * g.source.width + source_column) * g.source.channels;
    index_t target = (target_row * g.target.width + target_column) * g.target.channels;
    const index_t stop = std::min(end, pixel + width - column);
    for (; pixel < stop; ++pixel) {
      f(reached ? source : index_t{0}, target);
      source += g.columns.step * g.source.channels;
      target += g.columns.target_step * g.target.channels;
    }
    column = 0;
    if (++row == part.rows.size()) {
      row = 0;
      ++n;
    }
  }
}

/// y gathers from x.
constexpr conv2d_gather forward_gather(const conv2d_problem& p) {
  const auto axis = [&p](index_t targets, index_t sources) {
    return conv2d_axis{targets, sources, p.stride, -p.padding, p.kernel, 1, 0, 0, 1};
  };
  return {p.samples, p.in, p.out, axis(p.out.height, p.in.height), axis(p.out.width, p.in.width)};
}

/// Number of gathers that backward_gather distinguishes.
constexpr index_t backward_gathers(const conv2d_problem& p) { return p.stride * p.stride; }

/// dx pixels (row % stride, column % stride) = (i / stride, i % stride) gather from dy.
constexpr conv2d_gather backward_gather(const conv2d_problem& p, index_t i) {
  const auto axis = [&p](index_t residue, index_t targets, index_t sources) {
    const index_t reach = residue + p.padding, first = reach % p.stride;
    const index_t taps = first < p.kernel ? (p.kernel - 1 - first) / p.stride + 1 : 0;
    const index_t count = targets > residue ? (targets - residue - 1) / p.stride + 1 : 0;
    return conv2d_axis{count,    sources,  1,       (reach - first) / p.stride - (taps - 1),
                       taps,     p.stride, residue, first + p.stride * (taps - 1),
                       -p.stride};
  };
  return {p.samples, p.out, p.in, axis(i / p.stride, p.in.height, p.out.height),
          axis(i % p.stride, p.in.width, p.out.width)};
}

}  // namespace spankey::cpu
