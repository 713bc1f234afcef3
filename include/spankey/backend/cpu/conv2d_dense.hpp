// Convolution in one group of channels on the CPU, float and bf16: y, dx and dw of backend/reference/conv2d.hpp, which is
// the specification. Samples and outputs there must be; conv2d.hpp sees to it.
//
// Register tiles read the activations through pointers (conv2d_product.hpp, conv2d_gradient.hpp) or through Winograd's
// transform (conv2d_winograd*.hpp; of bf16 the data gradient only); the portable family takes matrix products of BLAS for
// float (conv2d_blas.hpp), that of AMX has tiles of its own for bf16 (conv2d_amx*.hpp). bf16 is multiplied
// in pairs, summed in float and rounded once, into y or dx. Nothing is allocated: packed weights and partial sums live in
// `scratch`. The bits do not depend on the number of threads.
#pragma once

#include <algorithm>

#include "spankey/backend/cpu/conv2d_amx.hpp"
#include "spankey/backend/cpu/conv2d_amx_gradient.hpp"
#include "spankey/backend/cpu/conv2d_blas.hpp"
#include "spankey/backend/cpu/conv2d_gather.hpp"
#include "spankey/backend/cpu/conv2d_gradient.hpp"
#include "spankey/backend/cpu/conv2d_pack.hpp"
#include "spankey/backend/cpu/conv2d_padding.hpp"
#include "spankey/backend/cpu/conv2d_product.hpp"
#include "spankey/backend/cpu/conv2d_winograd.hpp"
#include "spankey/backend/cpu/conv2d_winograd_gradient.hpp"
#include "spankey/backend/cpu/isa.hpp"
#include "spankey/backend/cpu/tag.hpp"

namespace spankey::cpu {

template <class T>
struct dense_conv2d {
  /// Scratch elements that forward and the backward passes may use; the same for every instruction set.
  static constexpr index_t scratch_size(const conv2d_problem& p) {
    return std::max({product_size(p, p.in.channels, p.out.channels),
                     product_size(p, p.out.channels, p.in.channels), gradient_scratch_size<T>(p),
                     conv2d_gradient_tasks * p.out.channels,
                     std::is_same_v<T, bf16> ? amx_gradient_scratch(p) : 0, winograd_gradient_size(p)});
  }

  /// Floats of the weights as forward reads them.
  static constexpr index_t packed_size(const conv2d_problem& p) {
    return p.kernel * p.kernel * words_for<T>(p.in.channels) * padded_channels(p.out.channels);
  }
  /// Packs weights for forward_packed of the instruction-set family that is active now.
  static void pack(const conv2d_problem& p, const float* w, float* packed) {
    if (runs_blas()) {
      std::copy_n(w, p.weight_size(), packed);
      return;
    }
    const conv2d_blocks<T> blocks = blocks_of(p, p.in.channels, p.out.channels);
    pack_weights(p, conv2d_direction::forward, forward_gather(p), blocks, w, reinterpret_cast<word*>(packed));
  }

  /// y = x * w (+ bias); bias may be null. y is T, or float.
  template <class Y>
  static void forward(const conv2d_problem& p, const T* x, const float* w, const float* bias, Y* y,
                      float* scratch) {
    float* const packed = scratch + product_size(p, p.in.channels, p.out.channels) - packed_size(p);
    pack(p, w, packed);
    forward_packed(p, x, packed, bias, y, scratch);
  }
  /// The same with weights from pack().
  template <class Y>
  static void forward_packed(const conv2d_problem& p, const T* x, const float* packed, const float* bias,
                             Y* y, float* scratch) {
    if constexpr (std::is_same_v<T, float>) {
      if (runs_blas()) return blas_forward(p, x, packed, bias, y);
    }
    const conv2d_blocks<T> blocks = blocks_of(p, p.in.channels, p.out.channels);
    const conv2d_gather g = forward_gather(p);
    const float* const start = begin_sums(p.out.channels, bias, scratch);
    if constexpr (std::is_same_v<T, float> && std::is_same_v<Y, float>) {
      const winograd_operands<float> data{x, packed, start, y, scratch + padded_channels(p.out.channels)};
      if (with_winograd<T>(p, [&](auto way) { run_winograd(way, g, blocks, data); })) return;
    }
    const auto* const words = reinterpret_cast<const word*>(packed);
    const auto run = [&](const conv2d_gather& gather, const T* source) {
      run_products(
          p, 1, [&](index_t) { return gather; }, [words](index_t) { return words; }, blocks,
          conv2d_product_operands<T, Y>{source, nullptr, start, y});
    };
    if (!pads_source(p)) return run(g, x);
    T* const source = reinterpret_cast<T*>(scratch + padded_channels(p.out.channels));
    pad_source(p, x, source);
    run(forward_gather(padded_problem(p)), source);
  }

  /// dx = dy * w transposed, or dx += with `accumulate`. dx is T, or float.
  template <class X>
  static void backward_data(const conv2d_problem& p, const T* dy, const float* w, X* dx, bool accumulate,
                            float* scratch) {
    if constexpr (std::is_same_v<T, float>) {
      if (runs_blas()) return blas_backward_data(p, dy, w, dx, accumulate);
    }
    const conv2d_blocks<T> blocks = blocks_of(p, p.out.channels, p.in.channels);
    const float* const start = accumulate ? nullptr : begin_sums(p.in.channels, nullptr, scratch);
    float* const rest = scratch + padded_channels(p.in.channels);
    if constexpr (std::is_same_v<X, T>) {
      const auto through = [&]<index_t Side>(winograd<Side> way) {
        const conv2d_gather g = backward_gather(p, 0);
        const conv2d_blocks<float> wide{active_conv2d_tiles<float>(), p.in.channels};
        float* const packed = rest + winograd_filter_size<T, Side>(p.out.channels, p.in.channels);
        pack_weights(p, conv2d_direction::backward, g, wide, w, packed);
        run_winograd(way, g, blocks, winograd_operands<T>{dy, packed, start, dx, rest});
      };
      if (!runs_amx(p, p.out.channels) && with_winograd<T>(p, through)) return;
    }
    const auto packed_at = [&](index_t gather) {
      index_t depth = 0;
      for (index_t i = 0; i < gather; ++i) depth += packed_depth<T>(backward_gather(p, i));
      return reinterpret_cast<word*>(rest + depth * padded_channels(p.in.channels));
    };
    for (index_t i = 0; i < backward_gathers(p); ++i) {
      pack_weights(p, conv2d_direction::backward, backward_gather(p, i), blocks, w, packed_at(i));
    }
    run_products(
        p, backward_gathers(p), [&p](index_t i) { return backward_gather(p, i); }, packed_at, blocks,
        conv2d_product_operands<T, X>{dy, nullptr, start, dx});
  }

  /// dw += x^T dy, dbias += sum of dy; dbias may be null.
  static void backward_weights(const conv2d_problem& p, const T* x, const T* dy, float* dw, float* dbias,
                               float* scratch) {
    add_weights(p, x, dy, dw, scratch);
    if (dbias != nullptr) add_bias_gradient(p, dy, dbias, scratch);
  }

 private:
  using word = word_t<T>;
  static bool runs_blas() { return std::is_same_v<T, float> && active_isa() == isa::portable; }
  // Whether AMX tiles multiply these source channels.
  static bool runs_amx(const conv2d_problem& p, index_t sources) {
    return std::is_same_v<T, bf16> && active_amx() != amx_unit::none && fits_amx(p, sources);
  }
  // On the processor both have the same layout; emulated tiles may stand beside narrower vectors.
  static conv2d_blocks<T> blocks_of(const conv2d_problem& p, index_t sources, index_t targets) {
    if constexpr (std::is_same_v<T, bf16>) {
      if (runs_amx(p, sources)) return amx_blocks(targets);
    }
    return {active_conv2d_tiles<T>(), targets};
  }
  template <class Y, class At, class PackedAt>
  static void run_products(const conv2d_problem& p, index_t gathers, const At& at, const PackedAt& packed_at,
                           const conv2d_blocks<T>& blocks, const conv2d_product_operands<T, Y>& data) {
    if constexpr (std::is_same_v<T, bf16>) {
      if (runs_amx(p, at(0).source.channels)) return run_amx_products(gathers, at, packed_at, blocks, data);
    }
    cpu::run_products(gathers, at, packed_at, blocks, data);
  }

  // f(every transform that the problem or a smaller batch of it goes through).
  template <class F>
  static constexpr void for_winograd(const conv2d_problem& p, const F& f) {
    const index_t side = winograd_side<T>(p);
    if (side >= 2) f(winograd<2>{});
    if (side >= 4) f(winograd<4>{});
  }
  static constexpr index_t winograd_gradient_size(const conv2d_problem& p) {
    index_t size = 0;
    if constexpr (std::is_same_v<T, float>) {
      for_winograd(p, [&]<index_t Side>(winograd<Side>) {
        size = std::max(size, plan_winograd_gradient<Side>(p).scratch_size() + winograd_gradient_channels);
      });
    }
    return size;
  }
  static void add_weights(const conv2d_problem& p, const T* x, const T* dy, float* dw, float* scratch) {
    if constexpr (std::is_same_v<T, float>) {
      if (runs_blas()) return blas_backward_weights(p, x, dy, dw, scratch);
      if (with_winograd<T>(p, [&](auto way) { add_winograd_gradient(way, p, x, dy, dw, scratch); })) return;
    } else if (runs_amx(p, p.in.channels)) {
      return add_amx_gradient(p, x, dy, dw, scratch);
    }
    add_weight_gradient(p, x, dy, dw, scratch);
  }

  // One padded row that the sums start from, and what Winograd's transform or a padded source needs, at the end the
  // packed weights. A batch that is smaller than planned may go the other way.
  static constexpr index_t product_size(const conv2d_problem& p, index_t sources, index_t targets) {
    const index_t row = padded_channels(targets);
    const index_t direct = p.kernel * p.kernel * words_for<T>(sources) * row + padded_source_size(p);
    index_t size = direct;
    for_winograd(p, [&]<index_t Side>(winograd<Side>) {
      size = std::max(size, winograd_scratch<T, Side>(sources, targets));
    });
    return row + size;
  }
  // The row that sums start from: the bias or zeros, at the beginning of scratch.
  static const float* begin_sums(index_t channels, const float* bias, float* scratch) {
    std::fill_n(scratch, padded_channels(channels), 0.0F);
    if (bias != nullptr) std::copy_n(bias, channels, scratch);
    return scratch;
  }
};

}  // namespace spankey::cpu
