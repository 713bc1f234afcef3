// Linear map, CPU, as a 1x1 convolution of one pixel:
//   y(n,o) = sum_i x(n,i) w(i,o) + b(o)         dx(n,i) = sum_o dy(n,o) w(i,o)
//   dw(i,o) += sum_n x(n,i) dy(n,o)             db(o) += sum_n dy(n,o)
// x (N,I), w (I,O), y (N,O). One row of floats is a GEMV a block of columns, which reads the weights as they lie. No product
// allocates: OpenBLAS's for small matrices do, on processors with AVX-512, and do not survive where there is no memory.
// Specification: backend/reference/linear.hpp.
#pragma once

#include <algorithm>
#include <type_traits>

#include "spankey/backend/cpu/blas.hpp"
#include "spankey/backend/cpu/conv2d_dense.hpp"
#include "spankey/backend/cpu/lanes.hpp"
#include "spankey/backend/cpu/tag.hpp"

namespace spankey {

/// x and dx are T; y and dy T, or float (logits), which is rounded before it is multiplied.
template <cpu::Scalar T>
struct linear_kernels<backend::cpu, T> {
  /// Floats, for so many samples or fewer: fewer may be cut in a way that needs more.
  static constexpr index_t scratch_size(const linear_problem& p) {
    index_t size = 0;
    for (linear_problem part = p; part.samples > 0; --part.samples)
      size = std::max(size, conv::scratch_size(pixel(part)) + (part.samples * part.out + 1) / 2);
    return size;
  }
  /// bias may be null.
  template <class Y>
  static void forward(const linear_problem& p, const T* x, const float* w, const float* bias, Y* y,
                      float* scratch) {
    if (p.samples == 0) return;
    if constexpr (std::is_same_v<T, float>) {
      if (p.samples == 1) return forward_row(p, x, w, bias, y);
    }
    conv::forward(pixel(p), x, w, bias, y, scratch);
  }
  template <class Y>
  static void backward_data(const linear_problem& p, const Y* dy, const float* w, T* dx, float* scratch) {
    if (p.samples == 0) return;
    conv::backward_data(pixel(p), narrowed(p, dy, scratch), w, dx, false, scratch);
  }
  /// dbias may be null; it is the sum of dy as it came.
  template <class Y>
  static void backward_weights(const linear_problem& p, const T* x, const Y* dy, float* dw, float* dbias,
                               float* scratch) {
    if (p.samples == 0) return;
    conv::backward_weights(pixel(p), x, narrowed(p, dy, scratch), dw, nullptr, scratch);
    if (dbias != nullptr) cpu::add_bias_gradient(pixel(p), dy, dbias, scratch);
  }

 private:
  using conv = cpu::dense_conv2d<T>;
  static constexpr conv2d_problem pixel(const linear_problem& p) {
    return {p.samples, {p.in, 1, 1}, {p.out, 1, 1}, 1, 1, 0};
  }
  static void forward_row(const linear_problem& p, const float* x, const float* w, const float* bias,
                          float* y) {
    constexpr index_t columns = 256;
    cpu::for_each_block(p.out, columns, [&](index_t first, index_t count) {
      if (bias != nullptr) std::copy_n(bias + first, count, y + first);
      cpu::gemm(false, false, 1, count, p.in, x, p.in, w + first, p.out, bias != nullptr ? 1.0F : 0.0F,
                y + first, p.out);
    });
  }
  static const T* narrowed(const linear_problem&, const T* dy, float*) { return dy; }
  template <class Y>
  requires(!std::is_same_v<Y, T>) static const T* narrowed(const linear_problem& p, const Y* dy,
                                                           float* scratch) {
    T* const to = reinterpret_cast<T*>(scratch + conv::scratch_size(pixel(p)));
    const auto copy = SPANKEY_DISPATCH(copy_row);
    cpu::for_each_block(p.samples * p.out, cpu::block_elements,
                        [&](index_t first, index_t count) { copy(dy + first, count, to + first); });
    return to;
  }
};

}  // namespace spankey
