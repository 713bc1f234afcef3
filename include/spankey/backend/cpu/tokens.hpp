// Tokens and their positions on the CPU; the formulas are those of backend/reference/tokens.hpp. Gradients of positions are
// summed sample after sample, so the bits do not depend on the number of threads. bf16: sums in float, rounded once.
#pragma once

#include <algorithm>

#include "spankey/backend/cpu/conv2d_rows.hpp"
#include "spankey/backend/cpu/lanes.hpp"
#include "spankey/backend/cpu/tag.hpp"

#define SPANKEY_SCALAR_TEXT "spankey/backend/cpu/tokens.inl"
#define SPANKEY_ISA_TEXT "spankey/backend/cpu/foreach_scalar.inl"
#include "spankey/backend/cpu/foreach_isa.hpp"
#undef SPANKEY_SCALAR_TEXT

namespace spankey {

template <cpu::Scalar T>
struct tokens_kernels<backend::cpu, T> {
  static void forward(const tokens_problem& p, const T* x, const float* first, const float* positions, T* y) {
    const auto add = SPANKEY_DISPATCH(add_position);
    const index_t c = p.channels, begin = p.tokens - p.inputs();
    parallel_for(p.samples, [&](index_t n) {
      T* const to = y + n * p.tokens * c;
      for (index_t i = 0; i < begin * c; ++i) to[i] = static_cast<T>(first[i] + positions[i]);
      add(x + n * p.inputs() * c, positions + begin * c, p.inputs() * c, to + begin * c);
    });
  }
  /// dfirst, dpositions and dx may be null.
  static void backward(const tokens_problem& p, const T* dy, float* dfirst, float* dpositions, T* dx) {
    const auto add = SPANKEY_DISPATCH(add_row);
    const index_t c = p.channels, begin = p.tokens - p.inputs();
    parallel_for(p.tokens, [&](index_t t) {
      for (index_t n = 0; n < p.samples; ++n) {
        const T* const row = dy + (n * p.tokens + t) * c;
        if (dpositions != nullptr) add(row, c, dpositions + t * c);
        if (t < begin && dfirst != nullptr) add(row, c, dfirst);
      }
    });
    if (dx == nullptr) return;
    parallel_for(p.samples, [&](index_t n) {
      std::copy_n(dy + (n * p.tokens + begin) * c, p.inputs() * c, dx + n * p.inputs() * c);
    });
  }
  static void take(const tokens_problem& p, index_t token, const T* x, T* y) {
    cpu::for_each_block(p.samples, block(p.channels), [&](index_t first, index_t count) {
      for (index_t n = first; n < first + count; ++n)
        std::copy_n(x + (n * p.tokens + token) * p.channels, p.channels, y + n * p.channels);
    });
  }
  static void put(const tokens_problem& p, index_t token, const T* dy, T* dx) {
    const index_t size = p.tokens * p.channels;
    cpu::for_each_block(p.samples, block(size), [&](index_t first, index_t count) {
      std::fill_n(dx + first * size, count * size, T{});
      for (index_t n = first; n < first + count; ++n)
        std::copy_n(dy + n * p.channels, p.channels, dx + n * size + token * p.channels);
    });
  }

 private:
  // Samples of one task.
  static constexpr index_t block(index_t elements) {
    return std::max<index_t>(1, cpu::block_elements / std::max<index_t>(1, elements));
  }
};

}  // namespace spankey
