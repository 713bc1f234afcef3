// ReLU, CPU: y = max(x, 0), dx = dy [y > 0]; overwrites. A NaN stays a NaN. x and y, dy and dx may be the
// same memory. Specification: backend/reference/relu.hpp.
#pragma once

#include "spankey/backend/cpu/lanes.hpp"
#include "spankey/backend/cpu/tag.hpp"

#define SPANKEY_ISA_TEXT "spankey/backend/cpu/relu.inl"
#include "spankey/backend/cpu/foreach_isa.hpp"

namespace spankey {

template <>
struct relu_kernels<backend::cpu, float> {
  static void forward(index_t count, const float* x, float* y) {
    const auto kernel = SPANKEY_DISPATCH(relu_forward);
    cpu::for_each_block(count, cpu::block_elements,
                        [&](index_t first, index_t n) { kernel(n, x + first, y + first); });
  }
  static void backward(index_t count, const float* y, const float* dy, float* dx) {
    const auto kernel = SPANKEY_DISPATCH(relu_backward);
    cpu::for_each_block(count, cpu::block_elements,
                        [&](index_t first, index_t n) { kernel(n, y + first, dy + first, dx + first); });
  }
};

}  // namespace spankey
