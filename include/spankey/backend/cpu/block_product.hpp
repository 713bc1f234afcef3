// A matrix in blocks of 32 whole numbers times one row, which is rounded to such blocks, too: 8.5 bits are read of a weight, and
// 32 products are four instructions. Formulas: backend/row_product.hpp. Every y has its own sums: same bits for any number of
// threads.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

#include "spankey/backend/backend.hpp"
#include "spankey/backend/cpu/lanes.hpp"
#include "spankey/backend/cpu/tag.hpp"
#include "spankey/backend/row_product.hpp"

#define SPANKEY_ISA_TEXT "spankey/backend/cpu/block_product.inl"
#include "spankey/backend/cpu/foreach_isa.hpp"

namespace spankey {

template <>
struct row_kernels<backend::cpu, int8_blocks> {
  /// Floats: the scales of x, in whole vectors, and behind them its whole numbers.
  static constexpr index_t scratch_size(index_t in, index_t /*out*/) {
    return scales(in) + blocks_of(in) * numbers_of_block / static_cast<index_t>(sizeof(float));
  }
  static void rows(const block_product& p, float* scratch) {
    auto* const whole = reinterpret_cast<std::int8_t*>(scratch + scales(p.in));
    SPANKEY_DISPATCH(round_blocks)(p.x, p.in, whole, scratch);
    const auto run = SPANKEY_DISPATCH(product_rows_of_blocks);
    cpu::for_each_block(p.out, rows_at_once(p.in),
                        [&](index_t first, index_t count) { run(&p, whole, scratch, first, first + count); });
  }

 private:
  // Weights of a task: less is not worth a thread's waking.
  static constexpr index_t task = 65536;
  static constexpr index_t scales(index_t in) { return cpu::pieces(blocks_of(in), 16) * 16; }
  static constexpr index_t rows_at_once(index_t in) {
    return std::max<index_t>(16, task / std::max<index_t>(1, in) / 16 * 16);
  }
};

}  // namespace spankey
