// Convolution on the CPU, float and bf16: y, dx and dw of backend/reference/conv2d.hpp, which is the specification.
//
// One group of channels is conv2d_dense.hpp's; a channel a group conv2d_depthwise.hpp's; other groups are dense, bundle by
// bundle (conv2d_bundles.hpp). Without outputs or samples there is nothing to do. Nothing is allocated: packed weights and
// partial sums live in `scratch`. The bits do not depend on the number of threads.
#pragma once

#include <algorithm>

#include "spankey/backend/cpu/conv2d_bundles.hpp"
#include "spankey/backend/cpu/conv2d_dense.hpp"
#include "spankey/backend/cpu/conv2d_depthwise.hpp"
#include "spankey/backend/cpu/tag.hpp"

namespace spankey {

template <class T>
struct conv2d_kernels<backend::cpu, T> {
  /// Scratch elements that forward and the backward passes may use; the same for every instruction set.
  static constexpr index_t scratch_size(const conv2d_problem& p) {
    if (p.samples * p.out.size() == 0) return 0;
    return choose(p, [&p](auto way) { return decltype(way)::scratch_size(p); });
  }

  /// Floats of the weights as forward reads them.
  static constexpr index_t packed_size(const conv2d_problem& p) {
    return choose(p, [&p](auto way) { return decltype(way)::packed_size(p); });
  }
  /// Packs weights for forward_packed of the instruction-set family that is active now.
  static void pack(const conv2d_problem& p, const float* w, float* packed) {
    choose(p, [&](auto way) { decltype(way)::pack(p, w, packed); });
  }

  /// y = x * w (+ bias); bias may be null.
  static void forward(const conv2d_problem& p, const T* x, const float* w, const float* bias, T* y,
                      float* scratch) {
    if (p.samples * p.out.size() == 0) return;
    choose(p, [&](auto way) { decltype(way)::forward(p, x, w, bias, y, scratch); });
  }
  /// The same with weights from pack().
  static void forward_packed(const conv2d_problem& p, const T* x, const float* packed, const float* bias,
                             T* y, float* scratch) {
    if (p.samples * p.out.size() == 0) return;
    choose(p, [&](auto way) { decltype(way)::forward_packed(p, x, packed, bias, y, scratch); });
  }

  /// dx = dy * w transposed, or dx += with `accumulate`.
  static void backward_data(const conv2d_problem& p, const T* dy, const float* w, T* dx, bool accumulate,
                            float* scratch) {
    if (p.samples * p.out.size() == 0) {
      if (!accumulate) std::fill_n(dx, p.samples * p.in.size(), T{});
      return;
    }
    choose(p, [&](auto way) { decltype(way)::backward_data(p, dy, w, dx, accumulate, scratch); });
  }

  /// dw += x^T dy, dbias += sum of dy; dbias may be null.
  static void backward_weights(const conv2d_problem& p, const T* x, const T* dy, float* dw, float* dbias,
                               float* scratch) {
    if (p.samples * p.out.size() == 0) return;
    choose(p, [&](auto way) { decltype(way)::backward_weights(p, x, dy, dw, dbias, scratch); });
  }

 private:
  // f(the kernels that serve p).
  template <class F>
  static constexpr auto choose(const conv2d_problem& p, const F& f) {
    if (p.groups == 1) return f(cpu::dense_conv2d<T>{});
    if (cpu::is_depthwise(p)) return f(cpu::depthwise_conv2d<T>{});
    return f(cpu::bundled_conv2d<T>{});
  }
};

}  // namespace spankey
