// Rotary positions on the CPU; the formulas are those of backend/reference/rotary.hpp, whose table of angles is written once a
// call. Rows are turned one by one, in parallel; bf16 is turned in float and rounded once.
#pragma once

#include <algorithm>

#include "spankey/backend/cpu/lanes.hpp"
#include "spankey/backend/cpu/tag.hpp"

#define SPANKEY_SCALAR_TEXT "spankey/backend/cpu/rotary.inl"
#define SPANKEY_ISA_TEXT "spankey/backend/cpu/foreach_scalar.inl"
#include "spankey/backend/cpu/foreach_isa.hpp"
#undef SPANKEY_SCALAR_TEXT

namespace spankey {

template <cpu::Scalar T>
struct rotary_kernels<backend::cpu, T> {
  static constexpr index_t scratch_size(const rotary_problem& p) { return p.table_size(); }

  static void forward(const rotary_problem& p, const T* x, T* y, float* scratch) {
    turn(p, 1, x, y, scratch);
  }
  static void backward(const rotary_problem& p, const T* dy, T* dx, float* scratch) {
    turn(p, -1, dy, dx, scratch);
  }

 private:
  static void turn(const rotary_problem& p, float way, const T* x, T* y, float* table) {
    p.write_table(table);
    const auto kernel = SPANKEY_DISPATCH(rotary_rows);
    const index_t at_once = std::max<index_t>(1, cpu::block_elements / std::max<index_t>(1, p.channels));
    cpu::for_each_block(p.samples * p.tokens, at_once, [&](index_t first, index_t count) {
      kernel(p, way, table, first, first + count, x, y);
    });
  }
};

}  // namespace spankey
