// Pooling, CPU; everything overwrites. Specification: backend/reference/pool2d.hpp.
//   max of every window: y = the largest, dx = sum of dy of the windows whose first maximum in row-major order it is
//   mean over all of H x W: y(n,c) = mean x(n,:,:,c), dx = dy / (H W)
// x, dx (N,H,W,C); y, dy (N,H',W',C) or (N,C). Channels are the vector direction. Windows of 2 x 2 side by side have
// kernels of their own (pool2d.inl), others take a row of y or of dx at a time (pool2d_window.inl).
// bf16: sums in float, rounded once.
#pragma once

#include <algorithm>

#include "spankey/backend/cpu/lanes.hpp"
#include "spankey/backend/cpu/tag.hpp"

namespace spankey::cpu {
/// Columns of one row of dx, and the windows that hold them.
struct pool_stretch {
  static constexpr index_t most = 32;
  pool2d_problem::range columns, window_rows, window_columns;
};
}  // namespace spankey::cpu

#define SPANKEY_SCALAR_TEXT "spankey/backend/cpu/pool2d.inl"
#define SPANKEY_ISA_TEXT "spankey/backend/cpu/foreach_scalar.inl"
#include "spankey/backend/cpu/foreach_isa.hpp"
#undef SPANKEY_SCALAR_TEXT
#define SPANKEY_SCALAR_TEXT "spankey/backend/cpu/pool2d_window.inl"
#define SPANKEY_ISA_TEXT "spankey/backend/cpu/foreach_scalar.inl"
#include "spankey/backend/cpu/foreach_isa.hpp"
#undef SPANKEY_SCALAR_TEXT

namespace spankey {

template <cpu::Scalar T>
struct pool2d_kernels<backend::cpu, T> {
  static void max_forward(const pool2d_problem& p, const T* x, T* y) {
    if (p.halves()) return halve(p.samples, p.in, x, y);
    const auto kernel = SPANKEY_DISPATCH(pool_window_row);
    for_each_part(p.samples * p.out.height, p.in.width * p.in.channels, [&](index_t unit) {
      kernel(p, unit % p.out.height, x + unit / p.out.height * p.in.size(),
             y + unit * p.out.width * p.out.channels);
    });
  }
  static void max_backward(const pool2d_problem& p, const T* x, const T* dy, T* dx) {
    if (p.halves()) return halve_backward(p.samples, p.in, x, dy, dx);
    const auto kernel = SPANKEY_DISPATCH(pool_window_row_gradient);
    for_each_part(p.samples * p.in.height, p.in.width * p.in.channels, [&](index_t unit) {
      const index_t n = unit / p.in.height;
      kernel(p, unit % p.in.height, x + n * p.in.size(), dy + n * p.out.size(),
             dx + unit * p.in.width * p.in.channels);
    });
  }
  static void mean_forward(index_t samples, const extents& in, const T* x, T* y) {
    const auto kernel = SPANKEY_DISPATCH(pool_mean);
    for_each_part(samples, in.size(), [&](index_t n) {
      kernel(in.height * in.width, in.channels, x + n * in.size(), y + n * in.channels);
    });
  }
  static void mean_backward(index_t samples, const extents& in, const T* dy, T* dx) {
    const auto kernel = SPANKEY_DISPATCH(pool_mean_gradient);
    for_each_part(samples, in.size(), [&](index_t n) {
      kernel(in.height * in.width, in.channels, dy + n * in.channels, dx + n * in.size());
    });
  }

 private:
  static void halve(index_t samples, const extents& in, const T* x, T* y) {
    const auto kernel = SPANKEY_DISPATCH(pool_max_row);
    const index_t row = in.width * in.channels, height = in.height / 2, width = in.width / 2;
    for_each_part(samples * height, 2 * row, [&](index_t unit) {
      const T* top = x + (unit / height * in.height + unit % height * 2) * row;
      kernel(width, in.channels, top, top + row, y + unit * width * in.channels);
    });
  }
  static void halve_backward(index_t samples, const extents& in, const T* x, const T* dy, T* dx) {
    const auto kernel = SPANKEY_DISPATCH(pool_max_row_gradient);
    const index_t row = in.width * in.channels, height = in.height / 2, width = in.width / 2;
    const index_t pairs = (in.height + 1) / 2;  // the last one is a single row where H is odd
    for_each_part(samples * pairs, 2 * row, [&](index_t unit) {
      const index_t sample = unit / pairs, pair = unit % pairs;
      const index_t top = (sample * in.height + pair * 2) * row;
      if (pair == height) {
        std::fill_n(dx + top, row, T{});
        return;
      }
      kernel(width, in.channels, x + top, x + top + row, dy + (sample * height + pair) * width * in.channels,
             dx + top, dx + top + row);
      const index_t used = width * 2 * in.channels;
      std::fill(dx + top + used, dx + top + row, T{});
      std::fill(dx + top + row + used, dx + top + 2 * row, T{});
    });
  }
  // f(unit) for every unit of `elements` elements, in parallel, about block_elements elements to a task.
  template <class F>
  static void for_each_part(index_t units, index_t elements, const F& f) {
    const index_t block = std::max<index_t>(1, cpu::block_elements / elements);
    cpu::for_each_block(units, block, [&](index_t first, index_t count) {
      for (index_t unit = first; unit < first + count; ++unit) f(unit);
    });
  }
};

}  // namespace spankey
