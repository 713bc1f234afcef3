// Linear map, CPU, as matrix products in fixed blocks (float), or as a 1x1 convolution of one pixel (bf16):
//   y(n,o) = sum_i x(n,i) w(i,o) + b(o)         dx(n,i) = sum_o dy(n,o) w(i,o)
//   dw(i,o) += sum_n x(n,i) dy(n,o)             db(o) += sum_n dy(n,o)
// x (N,I), w (I,O), y (N,O). Blocks of the result are cut by its shape alone; one row is one GEMV a block.
// Specification: backend/reference/linear.hpp.
#pragma once

#include <algorithm>

#include "spankey/backend/cpu/blas.hpp"
#include "spankey/backend/cpu/conv2d_dense.hpp"
#include "spankey/backend/cpu/lanes.hpp"
#include "spankey/backend/cpu/tag.hpp"

namespace spankey {

template <>
struct linear_kernels<backend::cpu, float> {
  static constexpr index_t scratch_size(const linear_problem&) { return 0; }

  /// bias may be null.
  static void forward(const linear_problem& p, const float* x, const float* w, const float* bias, float* y,
                      float* /*scratch*/) {
    for_each_block(p.samples, p.out, [&](index_t n, index_t rows, index_t o, index_t columns) {
      float* block = y + n * p.out + o;
      if (bias != nullptr)
        for (index_t r = 0; r < rows; ++r) std::copy_n(bias + o, columns, block + r * p.out);
      cpu::gemm(false, false, rows, columns, p.in, x + n * p.in, p.in, w + o, p.out,
                bias != nullptr ? 1.0F : 0.0F, block, p.out);
    });
  }
  static void backward_data(const linear_problem& p, const float* dy, const float* w, float* dx,
                            float* /*scratch*/) {
    for_each_block(p.samples, p.in, [&](index_t n, index_t rows, index_t i, index_t columns) {
      cpu::gemm(false, true, rows, columns, p.out, dy + n * p.out, p.out, w + i * p.out, p.out, 0.0F,
                dx + n * p.in + i, p.in);
    });
  }
  /// dbias may be null.
  static void backward_weights(const linear_problem& p, const float* x, const float* dy, float* dw,
                               float* dbias, float* /*scratch*/) {
    for_each_block(p.in, p.out, [&](index_t i, index_t rows, index_t o, index_t columns) {
      cpu::gemm(true, false, rows, columns, p.samples, x + i, p.in, dy + o, p.out, 1.0F, dw + i * p.out + o,
                p.out);
      if (i != 0 || dbias == nullptr) return;  // the first block of rows also sums the bias
      for (index_t n = 0; n < p.samples; ++n)
        for (index_t c = o; c < o + columns; ++c) dbias[c] += dy[n * p.out + c];
    });
  }

 private:
  static constexpr index_t block_rows = 64, block_columns = 256;

  // f(row, rows, column, columns) for the blocks of a (rows, columns) result, in parallel.
  template <class F>
  static void for_each_block(index_t rows, index_t columns, const F& f) {
    const index_t across = cpu::pieces(columns, block_columns);
    parallel_for(cpu::pieces(rows, block_rows) * across, [&](index_t task) {
      const index_t row = task / across * block_rows, column = task % across * block_columns;
      f(row, std::min(block_rows, rows - row), column, std::min(block_columns, columns - column));
    });
  }
};

/// x and dx are bf16; y and dy bf16, or float (logits), which is rounded before it is multiplied.
template <>
struct linear_kernels<backend::cpu, bf16> {
  static constexpr index_t scratch_size(const linear_problem& p) {
    return conv::scratch_size(pixel(p)) + (p.samples * p.out + 1) / 2;
  }
  /// bias may be null.
  template <class Y>
  static void forward(const linear_problem& p, const bf16* x, const float* w, const float* bias, Y* y,
                      float* scratch) {
    conv::forward(pixel(p), x, w, bias, y, scratch);
  }
  template <class Y>
  static void backward_data(const linear_problem& p, const Y* dy, const float* w, bf16* dx, float* scratch) {
    conv::backward_data(pixel(p), narrowed(p, dy, scratch), w, dx, false, scratch);
  }
  /// dbias may be null; it is the sum of dy as it came.
  template <class Y>
  static void backward_weights(const linear_problem& p, const bf16* x, const Y* dy, float* dw, float* dbias,
                               float* scratch) {
    conv::backward_weights(pixel(p), x, narrowed(p, dy, scratch), dw, nullptr, scratch);
    if (dbias != nullptr) cpu::add_bias_gradient(pixel(p), dy, dbias, scratch);
  }

 private:
  using conv = cpu::dense_conv2d<bf16>;
  static constexpr conv2d_problem pixel(const linear_problem& p) {
    return {p.samples, {p.in, 1, 1}, {p.out, 1, 1}, 1, 1, 0};
  }
  static const bf16* narrowed(const linear_problem&, const bf16* dy, float*) { return dy; }
  static const bf16* narrowed(const linear_problem& p, const float* dy, float* scratch) {
    bf16* const to = reinterpret_cast<bf16*>(scratch + conv::scratch_size(pixel(p)));
    const auto copy = SPANKEY_DISPATCH(copy_row);
    cpu::for_each_block(p.samples * p.out, cpu::block_elements,
                        [&](index_t first, index_t count) { copy(dy + first, count, to + first); });
    return to;
  }
};

}  // namespace spankey
