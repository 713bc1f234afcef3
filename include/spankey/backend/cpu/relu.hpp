// ReLU, CPU: y = max(x, 0), dx = dy [y > 0]; overwrites. A NaN stays a NaN. x and y, dy and dx may be the
// same memory. Specification: backend/reference/relu.hpp.
#pragma once

#include "spankey/backend/cpu/lanes.hpp"
#include "spankey/backend/cpu/tag.hpp"

#define SPANKEY_SCALAR_TEXT "spankey/backend/cpu/relu.inl"
#define SPANKEY_ISA_TEXT "spankey/backend/cpu/foreach_scalar.inl"
#include "spankey/backend/cpu/foreach_isa.hpp"
#undef SPANKEY_SCALAR_TEXT

namespace spankey {

template <cpu::Scalar T>
struct relu_kernels<backend::cpu, T> {
  static void forward(index_t count, const T* x, T* y) {
    const auto kernel = SPANKEY_DISPATCH(relu_forward);
    cpu::for_each_block(count, cpu::block_elements,
                        [&](index_t first, index_t n) { kernel(n, x + first, y + first); });
  }
  static void backward(index_t count, const T* y, const T* dy, T* dx) {
    const auto kernel = SPANKEY_DISPATCH(relu_backward);
    cpu::for_each_block(count, cpu::block_elements,
                        [&](index_t first, index_t n) { kernel(n, y + first, dy + first, dx + first); });
  }
};

}  // namespace spankey
