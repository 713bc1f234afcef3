// Depthwise convolution, CPU: a channel a group, so that channels are the vector direction and nothing is summed over them.
//   y(pixel, c) = b(c) + sum over taps of x(tap's pixel, c) w(tap, c)        dx, dw: backend/reference/conv2d.hpp
//
// Forward and backward to the data walk the gathers of conv2d_gather.hpp row by row of targets; the weight gradient sums
// slices of rows beside dw, which are added in order. Rows and slices follow from the problem alone. bf16: weights are
// rounded as the dense products round them, sums are float, rounded once.
#pragma once

#include <algorithm>

#include "spankey/backend/cpu/conv2d_gather.hpp"
#include "spankey/backend/cpu/conv2d_gradient.hpp"
#include "spankey/backend/cpu/lanes.hpp"

namespace spankey::cpu {

/// Neighbouring targets of one row that reach the same taps. Steps and offsets in elements.
struct depthwise_run {
  index_t channels, pixels, rows, columns;  // taps: rows x columns
  index_t source_step, target_step;         // from pixel to pixel
  index_t source_row;                       // from tap row to tap row; tap columns lie `channels` apart
  index_t weight_row, weight_column;        // from tap to tap
};

}  // namespace spankey::cpu

#define SPANKEY_SCALAR_TEXT "spankey/backend/cpu/conv2d_depthwise.inl"
#define SPANKEY_ISA_TEXT "spankey/backend/cpu/foreach_scalar.inl"
#include "spankey/backend/cpu/foreach_isa.hpp"
#undef SPANKEY_SCALAR_TEXT

namespace spankey::cpu {

constexpr bool is_depthwise(const conv2d_problem& p) {
  return p.groups > 1 && p.groups == p.in.channels && p.groups == p.out.channels;
}

template <class T>
struct depthwise_conv2d {
  static constexpr index_t scratch_size(const conv2d_problem& p) {
    return std::max(slices(p) * p.weight_size(), conv2d_gradient_tasks * p.out.channels);
  }

  static constexpr index_t packed_size(const conv2d_problem& p) { return p.weight_size(); }
  /// Packed weights are the weights, rounded to T.
  static void pack(const conv2d_problem& p, const float* w, float* packed) {
    for (index_t i = 0; i < p.weight_size(); ++i) packed[i] = static_cast<float>(static_cast<T>(w[i]));
  }

  static void forward(const conv2d_problem& p, const T* x, const float* w, const float* bias, T* y,
                      float* scratch) {
    pack(p, w, scratch);
    forward_packed(p, x, scratch, bias, y, nullptr);
  }
  static void forward_packed(const conv2d_problem& p, const T* x, const float* packed, const float* bias,
                             T* y, float* /*scratch*/) {
    const conv2d_gather g = forward_gather(p);
    for_each_row(p, p.out, [&](index_t n, index_t row) {
      run_row(p, g, n, row, {x, packed, bias, y}, false);
    });
  }

  static void backward_data(const conv2d_problem& p, const T* dy, const float* w, T* dx, bool accumulate,
                            float* scratch) {
    pack(p, w, scratch);
    for_each_row(p, p.in, [&](index_t n, index_t row) {
      for (index_t i = 0; i < p.stride; ++i)
        run_row(p, backward_gather(p, row % p.stride * p.stride + i), n, row / p.stride,
                {dy, scratch, nullptr, dx}, accumulate);
    });
  }

  static void backward_weights(const conv2d_problem& p, const T* x, const T* dy, float* dw, float* dbias,
                               float* scratch) {
    const conv2d_gather g = forward_gather(p);
    const index_t parts = slices(p), rows = p.samples * p.out.height, size = p.weight_size();
    parallel_for(parts, [&](index_t part) {
      float* const sums = scratch + part * size;
      std::fill_n(sums, size, 0.0F);
      for (index_t row = rows * part / parts; row < rows * (part + 1) / parts; ++row)
        add_row_gradient(g, row / p.out.height, row % p.out.height, x, dy, sums);
    });
    add_in_order(scratch, parts, size, dw);
    if (dbias != nullptr) add_bias_gradient(p, dy, dbias, scratch);
  }

 private:
  struct operands {
    const T* source;
    const float *weights, *start;
    T* target;
  };

  // Of the weight gradient: sums of at least 1024 pixels, where there are as many.
  static constexpr index_t slices(const conv2d_problem& p) {
    const index_t rows = p.samples * p.out.height, useful = rows * p.out.width / conv2d_slice_pixels;
    return std::clamp<index_t>(std::min(useful, rows), 1, conv2d_gradient_tasks);
  }

  // f(sample, row) for the rows of all images, in parallel.
  template <class F>
  static void for_each_row(const conv2d_problem& p, const extents& e, const F& f) {
    const index_t block = std::max<index_t>(1, block_elements / (e.width * e.channels));
    for_each_block(p.samples * e.height, block, [&](index_t first, index_t count) {
      for (index_t row = first; row < first + count; ++row) f(row / e.height, row % e.height);
    });
  }

  // Target row `row` of sample n.
  static void run_row(const conv2d_problem& p, const conv2d_gather& g, index_t n, index_t row,
                      const operands& data, bool accumulate) {
    const auto kernel = SPANKEY_DISPATCH(depthwise_targets);
    const index_t channels = g.source.channels, tap_row = p.kernel * channels;
    for_each_run(g, n, row,
                 [&](const conv2d_run& rows, const conv2d_run& columns, const depthwise_run& at,
                     index_t source, index_t target) {
                   depthwise_run run = at;
                   run.weight_row = g.rows.kernel_step * tap_row;
                   run.weight_column = g.columns.kernel_step * channels;
                   const index_t weight =
                       (g.rows.kernel_first + rows.tap_begin * g.rows.kernel_step) * tap_row +
                       (g.columns.kernel_first + columns.tap_begin * g.columns.kernel_step) * channels;
                   kernel(run, data.source + source, data.weights + (run.rows > 0 ? weight : 0), data.start,
                          accumulate, data.target + target);
                 });
  }

  // sums += the products of output row `row` of sample n.
  static void add_row_gradient(const conv2d_gather& g, index_t n, index_t row, const T* x, const T* dy,
                               float* sums) {
    const auto kernel = SPANKEY_DISPATCH(depthwise_gradient);
    const index_t channels = g.source.channels;
    for_each_run(g, n, row,
                 [&](const conv2d_run& rows, const conv2d_run& columns, const depthwise_run& at,
                     index_t source, index_t target) {
                   depthwise_run run = at;
                   run.weight_row = g.columns.taps * channels;
                   run.weight_column = channels;
                   kernel(run, x + source, dy + target,
                          sums + (rows.tap_begin * g.columns.taps + columns.tap_begin) * channels);
                 });
  }

  // f(tap rows, tap columns, run, first source, first target) for the runs of one target row. A run without taps has
  // neither rows nor columns, and its source is that of the tensor.
  template <class F>
  static void for_each_run(const conv2d_gather& g, index_t n, index_t row, const F& f) {
    if (row >= g.rows.targets) return;
    const conv2d_run rows = taps_at(g.rows, row);
    const index_t channels = g.source.channels;
    const index_t source_row = n * g.source.height + row * g.rows.step + g.rows.origin + rows.tap_begin;
    const index_t target_row = n * g.target.height + row * g.rows.target_step + g.rows.target_origin;
    for (index_t column = 0; column < g.columns.targets;) {
      const conv2d_run columns = run_at(g.columns, column);
      const bool reached = rows.taps() > 0 && columns.taps() > 0;
      const index_t source_column = column * g.columns.step + g.columns.origin + columns.tap_begin;
      depthwise_run run{};
      run.channels = channels;
      run.pixels = columns.size();
      run.rows = reached ? rows.taps() : 0;
      run.columns = reached ? columns.taps() : 0;
      run.source_step = g.columns.step * channels;
      run.target_step = g.columns.target_step * channels;
      run.source_row = g.source.width * channels;
      f(rows, columns, run, reached ? (source_row * g.source.width + source_column) * channels : 0,
        (target_row * g.target.width + column * g.columns.target_step + g.columns.target_origin) * channels);
      column = columns.end;
    }
  }
};

}  // namespace spankey::cpu
