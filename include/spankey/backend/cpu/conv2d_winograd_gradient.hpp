// Weight gradient of 3x3 convolutions of stride 1 in Winograd's domain, in float, the adjoint of conv2d_winograd.hpp
// (for bf16 the direct sums are as fast, and rounded less):
//
//   dg += G^T [ sum over windows of (B^T d B) * (A dy A^T) ] G
//
// A task is a slice of the batch's windows x a block of source channels x a group of target channels; it
// transforms its own windows. Slices sum into copies of the transformed gradient, which are added in order. The
// slices follow from the problem alone, so the bits do not depend on the threads.
#pragma once

#include <algorithm>
#include <array>

#include "spankey/backend/cpu/conv2d_gradient.hpp"
#include "spankey/backend/cpu/conv2d_winograd.hpp"

namespace spankey::cpu {

/// Source channels of one task; with 64 target channels its windows take 400 KB (Side 2) or 900 KB on the stack.
inline constexpr index_t winograd_gradient_channels = 64;

/// How the transformed gradient is cut.
template <index_t Side>
struct winograd_gradient_plan {
  index_t source_blocks, target_groups, slices;
  [[nodiscard]] constexpr index_t units() const { return source_blocks * target_groups; }
  /// Floats of one unit: points x source channels x 64 target channels.
  static constexpr index_t unit_size() {
    return winograd<Side>::points * winograd_gradient_channels * conv2d_max_width;
  }
  [[nodiscard]] constexpr index_t scratch_size() const { return slices * units() * unit_size(); }
};

template <index_t Side>
constexpr winograd_gradient_plan<Side> plan_winograd_gradient(const conv2d_problem& p) {
  const auto pieces = [](index_t count, index_t size) { return (count + size - 1) / size; };
  winograd_gradient_plan<Side> plan{pieces(p.in.channels, winograd_gradient_channels),
                                    pieces(p.out.channels, conv2d_max_width), 1};
  const index_t windows = p.samples * winograd<Side>::windows(p.in);
  plan.slices = std::max<index_t>(
      1, std::min(pieces(conv2d_gradient_tasks, plan.units()), windows / (4 * winograd_windows)));
  return plan;
}

/// One task's share: windows [begin, end), source channels from `channel` on, target channels of `group`.
struct winograd_gradient_share {
  index_t begin, end, channel, channels, group;
  float* du;  // (point, channel, 64), overwritten
};

template <index_t Side>
void run_winograd_gradient(const winograd_grid<Side>& grid, const conv2d_blocks<float>& blocks,
                           const float* x, const float* zeros, const float* dy,
                           const winograd_gradient_share& share) {
  constexpr std::array<index_t, conv2d_max_rows> row{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
  constexpr index_t points = winograd<Side>::points;
  alignas(64) winograd_table<float, points * winograd_windows * winograd_gradient_channels> v;
  alignas(64) winograd_table<float, points * winograd_windows * conv2d_max_width> d;
  const index_t per_group = conv2d_max_width / blocks.full_width();
  const index_t first_block = share.group * per_group;
  const index_t last_block = std::min(blocks.count(), first_block + per_group);
  const index_t v_step = winograd_windows * share.channels;
  const auto input = SPANKEY_DISPATCH(winograd_input);
  const auto adjoint = SPANKEY_DISPATCH(winograd_output_adjoint);
  std::fill_n(share.du, points * share.channels * conv2d_max_width, 0.0F);

  for (index_t begin = share.begin; begin < share.end; begin += winograd_windows) {
    const index_t count = std::min(winograd_windows, share.end - begin);
    for (index_t i = 0; i < count; ++i) {
      // The row of zeros is read from its start, whatever the channel.
      const auto pixel = window_sources(grid, begin + i, x + share.channel, zeros);
      input(winograd<Side>{}, pixel.data(), share.channels, v.data() + i * share.channels, v_step);
    }
    for (index_t block = first_block; block < last_block; ++block) {
      const conv2d_tile<float>& tile = blocks.tile(block);
      const index_t width = blocks.width(block), valid = blocks.valid(block),
                    d_step = winograd_windows * width;
      const index_t column = blocks.begin(block) - share.group * conv2d_max_width;
      for (index_t i = 0; i < count; ++i) {
        const auto pixel = window_targets(grid, begin + i, dy + blocks.begin(block), zeros);
        adjoint(winograd<Side>{}, pixel.data(), valid, d.data() + i * width, d_step);
      }
      for (index_t point = 0; point < points; ++point) {
        std::array<const float*, winograd_windows> source;
        for (index_t i = 0; i < count; ++i)
          source[static_cast<std::size_t>(i)] = v.data() + point * v_step + i * share.channels;
        for (index_t c = 0; c < share.channels; c += tile.rows) {
          const index_t rows = std::min(tile.rows, share.channels - c);
          std::array<float*, conv2d_max_rows> to;
          for (index_t r = 0; r < rows; ++r) {
            to[static_cast<std::size_t>(r)] =
                share.du + (point * share.channels + c + r) * conv2d_max_width + column;
          }
          const float* const gradients = d.data() + point * d_step;
          if (rows == tile.rows && valid == width) {
            tile.gradient(source.data(), c, row.data(), gradients, count, to.data());
          } else {
            gradient_at_edge(tile, rows, valid, source.data(), c, gradients, count, to.data());
          }
        }
      }
    }
  }
}

/// dw += x^T dy; scratch takes the plan's floats and a row of zeros.
template <index_t Side>
void add_winograd_gradient(winograd<Side>, const conv2d_problem& p, const float* x, const float* dy,
                           float* dw, float* scratch) {
  const auto plan = plan_winograd_gradient<Side>(p);
  const winograd_grid<Side> grid{p.samples, p.in.height, p.in.width, p.in.channels, p.out.channels};
  const conv2d_blocks<float> blocks{active_conv2d_tiles<float>(), p.out.channels};
  float* const zeros = scratch + plan.scratch_size();
  std::fill_n(zeros, winograd_gradient_channels, 0.0F);
  const auto channels_of = [&p](index_t source_block) {
    return std::min(winograd_gradient_channels, p.in.channels - source_block * winograd_gradient_channels);
  };
  parallel_for(plan.slices * plan.units(), [&](index_t task) {
    const index_t slice = task / plan.units(), unit = task % plan.units();
    const index_t source_block = unit / plan.target_groups;
    run_winograd_gradient(grid, blocks, x, zeros, dy,
                          {grid.size() * slice / plan.slices, grid.size() * (slice + 1) / plan.slices,
                           source_block * winograd_gradient_channels, channels_of(source_block),
                           unit % plan.target_groups, scratch + task * plan.unit_size()});
  });
  const auto adjoint = SPANKEY_DISPATCH(winograd_filter_adjoint);
  parallel_for(p.in.channels * plan.target_groups, [&](index_t task) {
    const index_t channel = task / plan.target_groups, group = task % plan.target_groups;
    const index_t source_block = channel / winograd_gradient_channels;
    const index_t inside = channel % winograd_gradient_channels,
                  unit = source_block * plan.target_groups + group;
    const index_t columns = std::min(conv2d_max_width, p.out.channels - group * conv2d_max_width);
    adjoint(winograd<Side>{}, scratch + unit * plan.unit_size() + inside * conv2d_max_width,
            channels_of(source_block) * conv2d_max_width, plan.slices, plan.units() * plan.unit_size(),
            columns, dw + channel * p.out.channels + group * conv2d_max_width,
            p.in.channels * p.out.channels);
  });
}

}  // namespace spankey::cpu
