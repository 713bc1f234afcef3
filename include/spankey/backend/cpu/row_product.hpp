// One row times a matrix: what a network that reads one token after another spends its time with. Weights are read once,
// where they lie, as float, bf16 or int8; sums are float.
// Formulas: backend/row_product.hpp.
// A matrix is cut into at most eight runs of rows, each of which has its own sums, which are added in their order: same bits
// for any number of threads. More runs would write more sums than the threads that they employ save.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

#include "spankey/backend/backend.hpp"
#include "spankey/backend/cpu/exponential.hpp"
#include "spankey/backend/cpu/lanes.hpp"
#include "spankey/backend/cpu/map_tile.hpp"
#include "spankey/backend/cpu/tag.hpp"
#include "spankey/backend/row_product.hpp"

#define SPANKEY_SCALAR_TEXT "spankey/backend/cpu/row_product.inl"
#define SPANKEY_ISA_TEXT "spankey/backend/cpu/foreach_weight.inl"
#include "spankey/backend/cpu/foreach_isa.hpp"
#undef SPANKEY_SCALAR_TEXT
#define SPANKEY_ISA_TEXT "spankey/backend/cpu/kept_tokens.inl"
#include "spankey/backend/cpu/foreach_isa.hpp"

namespace spankey {

template <class Weight>
struct row_kernels<backend::cpu, Weight> {
  /// Floats.
  static constexpr index_t scratch_size(index_t in, index_t out) {
    const index_t runs = cpu::pieces(in, rows_of_a_run(in, out));
    return runs > 1 ? runs * out : 0;
  }
  static void columns(const row_product<Weight>& p, float* scratch) {
    const auto run = SPANKEY_DISPATCH(product_columns);
    const index_t rows = rows_of_a_run(p.in, p.out), runs = cpu::pieces(p.in, rows);
    cpu::for_each_block(p.in, rows, [&](index_t first, index_t count) {
      run(&p, first, first + count, runs > 1 ? scratch + first / rows * p.out : p.y);
    });
    const float* const sums = runs > 1 ? scratch : p.y;
    SPANKEY_DISPATCH(finish_columns)(&p, sums, runs);
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
  /// head(i): the kept_tokens of the i-th of `heads` heads, which are all of the same sizes.
  template <class F>
  static void attend(index_t heads, const F& head) {
    const kept_tokens one = head(0);
    const auto run = SPANKEY_DISPATCH(attend_kept);
    each(heads, 2 * one.tokens * one.size, [&](index_t i) {
      const kept_tokens of = head(i);
      run(&of);
    });
  }
  /// A tile of positions before a locked layer.
  static void map_positions(const map_tile& tile) { SPANKEY_DISPATCH(map_positions_of)(&tile); }

 private:
  // Multiplications of a task: less is not worth a thread's waking.
  static constexpr index_t task = 131072;
  static constexpr index_t rows_of_a_run(index_t in, index_t out) {
    const auto tasks = static_cast<std::uint64_t>(std::max<index_t>(1, cpu::pieces(in * out, task)));
    const auto runs = static_cast<index_t>(std::min<std::uint64_t>(8, std::bit_ceil(tasks)));
    return std::max<index_t>(16, cpu::pieces(cpu::pieces(in, runs), 16) * 16);
  }
  static constexpr index_t rows_at_once(index_t size) {
    return std::max<index_t>(16, task / std::max<index_t>(1, size) / 16 * 16);
  }
};

}  // namespace spankey
