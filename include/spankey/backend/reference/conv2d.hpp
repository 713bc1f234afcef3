// Convolution, reference: y(n,oh,ow,o) = b(o) + sum_{kh,kw,i} x(n, oh*s+kh-p, ow*s+kw-p, first+i) w(kh,kw,i,o)
//   dx(n,ih,iw,i) (=, or += when accumulating) = sum over the outputs it reached of dy * w
//   dw(kh,kw,i,o) += sum_n,oh,ow x * dy      db(o) += sum dy
// x (N,H,W,C), w (kernel,kernel,I/groups,O), y (N,OH,OW,O); zero padding. `first` is the first input of o's group.
#pragma once

#include <algorithm>
#include <cstddef>

#include "spankey/backend/reference/tag.hpp"

namespace spankey {

template <class T>
struct conv2d_kernels<backend::reference, T> {
  /// Scratch elements that forward and the backward passes may use.
  static constexpr index_t scratch_size(const conv2d_problem&) { return 0; }

  /// Packed weights are the weights.
  static constexpr index_t packed_size(const conv2d_problem& p) { return p.weight_size(); }
  static void pack(const conv2d_problem& p, const T* w, T* packed) {
    std::copy_n(w, p.weight_size(), packed);
  }
  static void forward_packed(const conv2d_problem& p, const T* x, const T* packed, const T* bias, T* y,
                             T* scratch) {
    forward(p, x, packed, bias, y, scratch);
  }

  /// y = x * w (+ bias); bias may be null.
  static void forward(const conv2d_problem& p, const T* x, const T* w, const T* bias, T* y, T* /*scratch*/) {
    for_each_output(p, [&](index_t row, index_t) {
      T* out = y + row * p.out.channels;
      for (index_t o = 0; o < p.out.channels; ++o) out[o] = bias != nullptr ? bias[o] : T(0);
    });
    for_each_product(p, [&](index_t i, index_t o, index_t weight) { y[o] += x[i] * w[weight]; });
  }

  /// dx = dy * w transposed, or dx += with `accumulate`.
  static void backward_data(const conv2d_problem& p, const T* dy, const T* w, T* dx, bool accumulate,
                            T* /*scratch*/) {
    if (!accumulate) std::fill(dx, dx + p.samples * p.in.size(), T(0));
    for_each_product(p, [&](index_t i, index_t o, index_t weight) { dx[i] += dy[o] * w[weight]; });
  }

  /// dw += x^T dy, dbias += sum of dy; dbias may be null.
  static void backward_weights(const conv2d_problem& p, const T* x, const T* dy, T* dw, T* dbias,
                               T* /*scratch*/) {
    for_each_product(p, [&](index_t i, index_t o, index_t weight) { dw[weight] += x[i] * dy[o]; });
    if (dbias == nullptr) return;
    for_each_output(p, [&](index_t row, index_t) {
      for (index_t o = 0; o < p.out.channels; ++o) dbias[o] += dy[row * p.out.channels + o];
    });
  }

 private:
  // f(output row, sample), a row being one pixel.
  template <class F>
  static void for_each_output(const conv2d_problem& p, F&& f) {
    const index_t pixels = p.out.height * p.out.width;
    for (index_t row = 0; row < p.samples * pixels; ++row) f(row, row / pixels);
  }
  // f(element of x, element of y, weight) for every product inside the image.
  template <class F>
  static void for_each_product(const conv2d_problem& p, F&& f) {
    const index_t inputs = p.in.channels / p.groups, outputs = p.out.channels / p.groups;
    for_each_tap(p, [&](index_t in_row, index_t out_row, index_t tap) {
      for (index_t g = 0; g < p.groups; ++g)
        for (index_t i = 0; i < inputs; ++i)
          for (index_t o = g * outputs; o < (g + 1) * outputs; ++o)
            f(in_row * p.in.channels + g * inputs + i, out_row * p.out.channels + o,
              (tap * inputs + i) * p.out.channels + o);
    });
  }
  // f(input row, output row, tap) for every pair of pixels that a kernel tap joins inside the image.
  template <class F>
  static void for_each_tap(const conv2d_problem& p, F&& f) {
    for (index_t n = 0; n < p.samples; ++n)
      for (index_t oh = 0; oh < p.out.height; ++oh)
        for (index_t ow = 0; ow < p.out.width; ++ow)
          for (index_t kh = 0; kh < p.kernel; ++kh)
            for (index_t kw = 0; kw < p.kernel; ++kw) {
              const index_t ih = oh * p.stride + kh - p.padding, iw = ow * p.stride + kw - p.padding;
              if (ih < 0 || ih >= p.in.height || iw < 0 || iw >= p.in.width) continue;
              f((n * p.in.height + ih) * p.in.width + iw, (n * p.out.height + oh) * p.out.width + ow,
                kh * p.kernel + kw);
            }
  }
};

}  // namespace spankey
