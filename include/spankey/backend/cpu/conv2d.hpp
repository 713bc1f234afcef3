// Convolution on the CPU, float and bf16: y, dx and dw of backend/reference/conv2d.hpp, which is the specification.
//
// Register tiles read the activations through pointers (conv2d_product.hpp, conv2d_gradient.hpp) or through Winograd's
// transform (conv2d_winograd*.hpp; of bf16 the data gradient only); the portable family takes matrix products of BLAS for
// float (conv2d_blas.hpp). bf16 is multiplied in pairs, summed in float and rounded once, into y or dx. Nothing is
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
         winograd_weights(p) ? cpu::plan_winograd_gradient(p).scratch_size() + cpu::winograd_gradient_channels
                             : 0});
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
    const float* const start = begin_sums(p.out.channels, bias, scratch);
    float* const packed = scratch + cpu::padded_channels(p.out.channels);
    if constexpr (std::is_same_v<T, float> && std::is_same_v<Y, float>) {
      if (cpu::uses_winograd(p))
        return winograd(p, cpu::conv2d_direction::forward, g, blocks, {x, packed, start, y, nullptr}, w);
    }
    cpu::pack_weights(p, cpu::conv2d_direction::forward, g, blocks, w, reinterpret_cast<word*>(packed));
    cpu::run_products(
        1, [&g](index_t) { return g; }, [packed](index_t) { return reinterpret_cast<word*>(packed); }, blocks,
        cpu::conv2d_product_operands<T, Y>{x, nullptr, start, y});
  }

  /// dx = dy * w transposed, or dx += with `accumulate`.
  static void backward_data(const conv2d_problem& p, const T* dy, const float* w, T* dx, bool accumulate,
                            float* scratch) {
    if constexpr (has_blas) {
      if (active_isa() == isa::portable) return cpu::blas_backward_data(p, dy, w, dx, accumulate);
    }
    const cpu::conv2d_blocks<T> blocks{cpu::active_conv2d_tiles<T>(), p.in.channels};
    const float* const start = accumulate ? nullptr : begin_sums(p.in.channels, nullptr, scratch);
    float* const packed = scratch + cpu::padded_channels(p.in.channels);
    if (cpu::uses_winograd(p))
      return winograd(p, cpu::conv2d_direction::backward, cpu::backward_gather(p, 0), blocks,
                      {dy, packed, start, dx, nullptr}, w);
    const auto packed_at = [&](index_t gather) {
      index_t depth = 0;
      for (index_t i = 0; i < gather; ++i) depth += cpu::packed_depth<T>(cpu::backward_gather(p, i));
      return reinterpret_cast<word*>(packed + depth * cpu::padded_channels(p.in.channels));
    };
    for (index_t i = 0; i < cpu::backward_gathers(p); ++i) {
      cpu::pack_weights(p, cpu::conv2d_direction::backward, cpu::backward_gather(p, i), blocks, w,
                        packed_at(i));
    }
    cpu::run_products(
        cpu::backward_gathers(p), [&p](index_t i) { return cpu::backward_gather(p, i); }, packed_at, blocks,
        cpu::conv2d_product_operands<T, T>{dy, nullptr, start, dx});
  }

  /// dw += x^T dy, dbias += sum of dy; dbias may be null.
  static void backward_weights(const conv2d_problem& p, const T* x, const T* dy, float* dw, float* dbias,
                               float* scratch) {
    add_weights(p, x, dy, dw, scratch);
    if (dbias != nullptr) cpu::add_bias_gradient(p, dy, dbias, scratch);
  }

 private:
  using word = cpu::word_t<T>;
  static constexpr bool has_blas = std::is_same_v<T, float>;

  static constexpr bool winograd_weights(const conv2d_problem& p) {
    return std::is_same_v<T, float> && cpu::uses_winograd(p);
  }
  static void add_weights(const conv2d_problem& p, const T* x, const T* dy, float* dw, float* scratch) {
    if constexpr (std::is_same_v<T, float>) {
      if (active_isa() == isa::portable) return cpu::blas_backward_weights(p, x, dy, dw, scratch);
      if (winograd_weights(p)) return cpu::add_winograd_gradient(p, x, dy, dw, scratch);
    }
    cpu::add_weight_gradient(p, x, dy, dw, scratch);
  }

  // Packed weights, and one padded row that the sums start from; Winograd's are packed in float.
  static constexpr index_t product_size(const conv2d_problem& p, index_t sources, index_t targets) {
    const index_t row = cpu::padded_channels(targets);
    if (!cpu::uses_winograd(p)) return (p.kernel * p.kernel * cpu::words_for<T>(sources) + 1) * row;
    return (p.kernel * p.kernel * sources + 1) * row + cpu::winograd_scratch(sources, targets);
  }
  // The row that sums start from: the bias or zeros, at the beginning of scratch.
  static const float* begin_sums(index_t channels, const float* bias, float* scratch) {
    std::fill_n(scratch, cpu::padded_channels(channels), 0.0F);
    if (bias != nullptr) std::copy_n(bias, channels, scratch);
    return scratch;
  }
  // data.packed is where the weights are packed; the rest of scratch lies behind it.
  static void winograd(const conv2d_problem& p, cpu::conv2d_direction direction, const cpu::conv2d_gather& g,
                       const cpu::conv2d_blocks<T>& blocks, cpu::winograd_operands<T> data, const float* w) {
    const cpu::conv2d_blocks<float> wide{cpu::active_conv2d_tiles<float>(), blocks.channels};
    cpu::pack_weights(p, direction, g, wide, w, data.packed);
    data.scratch = data.packed + g.depth() * cpu::padded_channels(blocks.channels);
    cpu::run_winograd(g, blocks, data);
  }
};

}  // namespace spankey
