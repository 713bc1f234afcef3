// SGD update, CPU, in the order of torch.optim.SGD (dampening 0), in one pass over memory:
//   g = dw + weight_decay w;   v = first step ? g : momentum v + g;   w -= lr (nesterov ? g + momentum v : v)
// Without momentum, w -= lr g and v stays untouched. Specification: backend/reference/update.hpp.
#pragma once

#include "spankey/backend/cpu/lanes.hpp"
#include "spankey/backend/cpu/tag.hpp"

#define SPANKEY_ISA_TEXT "spankey/backend/cpu/update.inl"
#include "spankey/backend/cpu/foreach_isa.hpp"

namespace spankey {

template <>
struct update_kernels<backend::cpu, float> {
  static void sgd(const sgd_update& u, index_t count, const float* gradient, float* momentum, float* value) {
    const auto kernel = u.momentum == 0 ? SPANKEY_DISPATCH(sgd_plain) : SPANKEY_DISPATCH(sgd_momentum);
    cpu::for_each_block(count, cpu::block_elements, [&](index_t first, index_t n) {
      kernel(u, n, gradient + first, momentum + first, value + first);
    });
  }
};

}  // namespace spankey
