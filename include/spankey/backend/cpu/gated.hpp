// Gated activations on the CPU; the formulas are those of backend/reference/gated.hpp, errors those of cpu/activation.hpp. bf16
// computes in float and is rounded once.
#pragma once

#include <algorithm>

#include "spankey/backend/cpu/exponential.hpp"
#include "spankey/backend/cpu/lanes.hpp"
#include "spankey/backend/cpu/tag.hpp"

#define SPANKEY_ISA_TEXT "spankey/backend/cpu/gate_of.inl"
#include "spankey/backend/cpu/foreach_isa.hpp"
#define SPANKEY_SCALAR_TEXT "spankey/backend/cpu/gated.inl"
#define SPANKEY_ISA_TEXT "spankey/backend/cpu/foreach_scalar.inl"
#include "spankey/backend/cpu/foreach_isa.hpp"
#undef SPANKEY_SCALAR_TEXT

namespace spankey {

template <cpu::Scalar T>
struct gated_kernels<backend::cpu, T> {
  static void forward(const gated_problem& p, activation act, const T* x, T* y) {
    const auto kernel = SPANKEY_DISPATCH(gated_forward);
    cpu::for_each_block(p.rows, at_once(p), [&](index_t first, index_t count) {
      kernel(act, p.channels, count, x + first * 2 * p.channels, y + first * p.channels);
    });
  }
  static void backward(const gated_problem& p, activation act, const T* x, const T* dy, T* dx) {
    const auto kernel = SPANKEY_DISPATCH(gated_backward);
    cpu::for_each_block(p.rows, at_once(p), [&](index_t first, index_t count) {
      const index_t at = first * 2 * p.channels;
      kernel(act, p.channels, count, x + at, dy + first * p.channels, dx + at);
    });
  }

 private:
  // Rows of a task.
  static constexpr index_t at_once(const gated_problem& p) {
    return std::max<index_t>(1, cpu::block_elements / std::max<index_t>(1, 2 * p.channels));
  }
};

}  // namespace spankey
