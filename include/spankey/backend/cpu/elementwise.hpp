// Sums of activations, CPU, element by element: to += from, y = a + b. y may be a or b. bf16: added in float, rounded once.
// Columns: backend/reference/elementwise.hpp.
#pragma once

#include <algorithm>

#include "spankey/backend/cpu/lanes.hpp"
#include "spankey/backend/cpu/tag.hpp"

#define SPANKEY_SCALAR_TEXT "spankey/backend/cpu/elementwise.inl"
#define SPANKEY_ISA_TEXT "spankey/backend/cpu/foreach_scalar.inl"
#include "spankey/backend/cpu/foreach_isa.hpp"
#undef SPANKEY_SCALAR_TEXT

namespace spankey {

template <cpu::Scalar T>
struct elementwise_kernels<backend::cpu, T> {
  static void add(index_t count, const T* from, T* to) {
    const auto kernel = SPANKEY_DISPATCH(add_elements);
    cpu::for_each_block(count, cpu::block_elements,
                        [&](index_t first, index_t n) { kernel(n, from + first, to + first); });
  }
  static void sum(index_t count, const T* a, const T* b, T* y) {
    const auto kernel = SPANKEY_DISPATCH(sum_elements);
    cpu::for_each_block(count, cpu::block_elements,
                        [&](index_t first, index_t n) { kernel(n, a + first, b + first, y + first); });
  }
  static void copy_columns(index_t rows, index_t columns, const T* from, index_t from_step, T* to,
                           index_t to_step) {
    const index_t at_once = std::max<index_t>(1, cpu::block_elements / std::max<index_t>(1, columns));
    cpu::for_each_block(rows, at_once, [&](index_t first, index_t n) {
      for (index_t r = first; r < first + n; ++r)
        std::copy_n(from + r * from_step, columns, to + r * to_step);
    });
  }
};

}  // namespace spankey
