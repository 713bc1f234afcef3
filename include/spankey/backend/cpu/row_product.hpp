// One row times a matrix: what a network that reads one token after another spends its time with. Weights are read once,
// where they lie, as float, bf16 or int8; sums are float.
// Formulas: row_product in backend/backend.hpp.
// Terms of columns are added in the order of i, wherever the columns are cut: same bits for any number of threads.
#pragma once

#include <cstdint>

#include "spankey/backend/backend.hpp"
#include "spankey/backend/cpu/lanes.hpp"
#include "spankey/backend/cpu/tag.hpp"

#define SPANKEY_SCALAR_TEXT "spankey/backend/cpu/row_product.inl"
#define SPANKEY_ISA_TEXT "spankey/backend/cpu/foreach_weight.inl"
#include "spankey/backend/cpu/foreach_isa.hpp"
#undef SPANKEY_SCALAR_TEXT

namespace spankey::cpu {

/// Multiplications of a task: less is not worth a thread's waking.
inline constexpr index_t products_of_task = 65536;

}  // namespace spankey::cpu

namespace spankey {

template <class Weight>
struct row_kernels<backend::cpu, Weight> {
  static void columns(const row_product<Weight>& p) {
    const auto run = SPANKEY_DISPATCH(product_columns);
    cpu::for_each_block(p.out, piece(p, 64), [&](index_t first, index_t count) { run(&p, first, first + count); });
  }
  static void rows(const row_product<Weight>& p) {
    const auto run = SPANKEY_DISPATCH(product_rows);
    cpu::for_each_block(p.out, piece(p, 16), [&](index_t first, index_t count) { run(&p, first, first + count); });
  }
  /// f(i) for every i of `count`, which are as much work as `products` multiplications each.
  template <class F>
  static void each(index_t count, index_t products, const F& f) {
    const index_t at_once = std::max<index_t>(1, cpu::products_of_task / std::max<index_t>(1, products));
    cpu::for_each_block(count, at_once, [&](index_t first, index_t n) {
      for (index_t i = first; i < first + n; ++i) f(i);
    });
  }

 private:
  static index_t piece(const row_product<Weight>& p, index_t multiple) {
    return std::max(multiple, cpu::products_of_task / std::max<index_t>(1, p.in) / multiple * multiple);
  }
};

}  // namespace spankey
