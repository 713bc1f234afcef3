// One row times a matrix: what a network that reads one token after another spends its time with. Weights are read once,
// where they lie, as float, bf16 or int8; sums are float.
// Formulas: backend/row_product.hpp.
// A matrix is cut into runs of rows, each of which has its own sums, which are added in their order: same bits for any number of
// threads.
#pragma once

#include <cstdint>

#include "spankey/backend/backend.hpp"
#include "spankey/backend/cpu/lanes.hpp"
#include "spankey/backend/cpu/tag.hpp"
#include "spankey/backend/row_product.hpp"

#define SPANKEY_SCALAR_TEXT "spankey/backend/cpu/row_product.inl"
#define SPANKEY_ISA_TEXT "spankey/backend/cpu/foreach_weight.inl"
#include "spankey/backend/cpu/foreach_isa.hpp"
#undef SPANKEY_SCALAR_TEXT

namespace spankey {

template <class Weight>
struct row_kernels<backend::cpu, Weight> {
  /// Floats.
  static constexpr index_t scratch_size(index_t in, index_t out) {
    const index_t runs = cpu::pieces(in, rows_at_once(out));
    return runs > 1 ? runs * out : 0;
  }
  static void columns(const row_product<Weight>& p, float* scratch) {
    const auto run = SPANKEY_DISPATCH(product_columns);
    const index_t rows = rows_at_once(p.out), runs = cpu::pieces(p.in, rows);
    cpu::for_each_block(p.in, rows, [&](index_t first, index_t count) {
      run(&p, first, first + count, runs > 1 ? scratch + first / rows * p.out : p.y);
    });
    for (index_t r = 0; runs > 1 && r < runs; ++r)
      for (index_t o = 0; o < p.out; ++o) p.y[o] = (r == 0 ? 0 : p.y[o]) + scratch[r * p.out + o];
    SPANKEY_DISPATCH(finish_columns)(&p);
  }
  static void rows(const row_product<Weight>& p) {
    const auto run = SPANKEY_DISPATCH(product_rows);
    cpu::for_each_block(p.out, rows_at_once(p.in),
                        [&](index_t first, index_t count) { run(&p, first, first + count); });
  }
  /// f(i) for every i of `count`, which are as much work as `products` multiplications each.
  template <class F>
  static void each(index_t count, index_t products, const F& f) {
    const index_t at_once = std::max<index_t>(1, task / std::max<index_t>(1, products));
    cpu::for_each_block(count, at_once, [&](index_t first, index_t n) {
      for (index_t i = first; i < first + n; ++i) f(i);
    });
  }

 private:
  // Multiplications of a task: less is not worth a thread's waking.
  static constexpr index_t task = 131072;
  static constexpr index_t rows_at_once(index_t size) {
    return std::max<index_t>(16, task / std::max<index_t>(1, size) / 16 * 16);
  }
};

}  // namespace spankey
