// Convolution on the CPU, float and bf16: y, dx and dw of backend/reference/conv2d.hpp, which is the specification.
//
// Register tiles read the activations through pointers (conv2d_product.hpp, conv2d_gradient.hpp) or through Winograd's
// transform (conv2d_winograd*.hpp, float); the portable family takes matrix products of BLAS for float
// (conv2d_blas.hpp). bf16 is multiplied in pairs, summed in float and rounded once, into y or dx. Nothing is
// allocated: packed weights and partial sums live in `scratch`. The bits do not depend on the number of threads.
#pragma once

#include <algorithm>

#include "spankey/backend/cpu/conv2d_blas.hpp"
#include "spankey/backend/cpu/conv2d_gather.hpp"
#include "spankey/backend/cpu/conv2d_gradient.hpp"
#include "spankey/backend/cpu/conv2d_pack.hpp"
#include "spankey/backend/cpu/conv2d_product.hpp"
#include "spankey/backend/cpu/conv2d_winograd.hpp"
#include "spankey/backend/cpu/conv2d_winograd_gradient.hpp"
#include "spankey/backend/cpu/isa.hpp"
#include "spankey/backend/cpu/tag.hpp"

namespace spankey {

template <class T>
struct conv2d_kernels<backend::cpu, T> {
  /// Scratch elements that forward and the backward passes may use; the same for every instruction set.
  static constexpr index_t scratch_size(const conv2d_problem& p) {
    return std::max(
        {product_size(p, p.in.channels, p.out.channels), product_size(p, p.out.channels, p.in.channels),
         cpu::gradient_scratch_size<T>(p), cpu::conv2d_gradient_tasks * p.out.channels,
         winograd(p) ? cpu::plan_winograd_gradient(p).scratch_size() + cpu::winograd_gradient_channels : 0});
  }

  /// y = x * w (+ bias); bias may be null. y is T, or float.
  template <class Y>
  static void forward(const conv2d_problem& p, const T* x, const float* w, const float* bias, Y* y,
                      float* scratch) {
    if constexpr (has_blas) {
      if (active_isa() == isa::portable) return cpu::blas_forward(p, x, w, bias, y);
    }
    const cpu::conv2d_blocks<T> blocks{cpu::active_conv2d_tiles<T>(), p.out.channels};
    const cpu::conv2d_gather g = cpu::forward_gather(p);
    float* const start = scratch;
    auto* const packed = reinterpret_cast<word*>(scratch + cpu::padded_channels(p.out.channels));
    std::fill_n(start, cpu::padded_channels(p.out.channels), 0.0F);
    if (bias != nullptr) std::copy_n(bias, p.out.channels, start);
    cpu::pack_weights(p, cpu::conv2d_direction::forward, g, blocks, w, packed);
    const cpu::conv2d_product_operands<T, Y> operands{x, packed, start, y};
    if constexpr (has_winograd) {
      if (winograd(p))
        return cpu::run_winograd(g, blocks, operands,
                                 scratch + packed_size(p, p.in.channels, p.out.channels));
    }
    cpu::run_products(
        1, [&g](index_t) { return g; }, [packed](index_t) { return packed; }, blocks, operands);
  }

  /// dx = dy * w transposed, or dx += with `accumulate`.
  static void backward_data(const conv2d_problem& p, const T* dy, const float* w, T* dx, bool accumulate,
                            float* scratch) {
    if constexpr (has_blas) {
      if (active_isa() == isa::portable) return cpu::blas_backward_data(p, dy, w, dx, accumulate);
    }
    const cpu::conv2d_blocks<T> blocks{cpu::active_conv2d_tiles<T>(), p.in.channels};
    const index_t padded = cpu::padded_channels(p.in.channels);
    float* const start = scratch;
    std::fill_n(start, padded, 0.0F);
    const auto packed_at = [&](index_t gather) {
      float* packed = scratch + padded;
      for (index_t i = 0; i < gather; ++i)
        packed += cpu::packed_depth<T>(cpu::backward_gather(p, i)) * padded;
      return reinterpret_cast<word*>(packed);
    };
    for (index_t i = 0; i < cpu::backward_gathers(p); ++i) {
      cpu::pack_weights(p, cpu::conv2d_direction::backward, cpu::backward_gather(p, i), blocks, w,
                        packed_at(i));
    }
    const cpu::conv2d_product_operands<T, T> operands{dy, packed_at(0), accumulate ? nullptr : start, dx};
    if constexpr (has_winograd) {
      if (winograd(p))
        return cpu::run_winograd(cpu::backward_gather(p, 0), blocks, operands,
                                 scratch + packed_size(p, p.out.channels, p.in.channels));
    }
    cpu::run_products(
        cpu::backward_gathers(p), [&p](index_t i) { return cpu::backward_gather(p, i); }, packed_at, blocks,
        operands);
  }

  /// dw += x^T dy, dbias += sum of dy; dbias may be null.
  static void backward_weights(const conv2d_problem& p, const T* x, const T* dy, float* dw, float* dbias,
                               float* scratch) {
    if (has_blas && active_isa() == isa::portable) {
      if constexpr (has_blas) cpu::blas_backward_weights(p, x, dy, dw, scratch);
    } else if (winograd(p)) {
      if constexpr (has_winograd) cpu::add_winograd_gradient(p, x, dy, dw, scratch);
    } else {
      cpu::add_weight_gradient(p, x, dy, dw, scratch);
    }
    if (dbias != nullptr) cpu::add_bias_gradient(p, dy, dbias, scratch);
  }

 private:
  using word = cpu::word_t<T>;
  static constexpr bool has_blas = std::is_same_v<T, float>, has_winograd = std::is_same_v<T, float>;
  static constexpr bool winograd(const conv2d_problem& p) { return has_winograd && cpu::uses_winograd(p); }

  // Packed weights, and one padded row that the sums start from.
  static constexpr index_t packed_size(const conv2d_problem& p, index_t sources, index_t targets) {
    return (p.kernel * p.kernel * cpu::words_for<T>(sources) + 1) * cpu::padded_channels(targets);
  }
  // And what the product itself needs.
  static constexpr index_t product_size(const conv2d_problem& p, index_t sources, index_t targets) {
    return packed_size(p, sources, targets) + (winograd(p) ? cpu::winograd_scratch(sources, targets) : 0);
  }
};

}  // namespace spankey
