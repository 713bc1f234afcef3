// Layer norm over the channels of every row, CPU; the formulas are those of backend/reference/layer_norm.hpp. A row is
// looked at two times, the second time in cache. dgamma and dbeta are summed in at most 64 blocks of rows, which are joined
// in double in block order: the blocks follow from the problem alone. bf16: sums in float, rounded once.
#pragma once

#include <algorithm>

#include "spankey/backend/cpu/lanes.hpp"
#include "spankey/backend/cpu/tag.hpp"

#define SPANKEY_SCALAR_TEXT "spankey/backend/cpu/layer_norm.inl"
#define SPANKEY_ISA_TEXT "spankey/backend/cpu/foreach_scalar.inl"
#include "spankey/backend/cpu/foreach_isa.hpp"
#undef SPANKEY_SCALAR_TEXT

namespace spankey {

template <cpu::Scalar T>
struct layer_norm_kernels<backend::cpu, T> {
  /// Floats: the sums of dgamma and dbeta of every block.
  static constexpr index_t scratch_size(const layer_norm_problem& p) {
    return 2 * p.channels * cpu::pieces(p.rows, block_rows(p));
  }

  static void forward(const layer_norm_problem& p, const layer_norm_forward_operands<T>& t) {
    const auto kernel = SPANKEY_DISPATCH(layer_norm_rows);
    cpu::for_each_block(p.rows, row_block(p),
                        [&](index_t first, index_t count) { kernel(p, first, first + count, t); });
  }

  /// dx may alias dy.
  static void backward(const layer_norm_problem& p, const layer_norm_backward_operands<T>& t,
                       float* scratch) {
    float* const dgamma = t.gamma != nullptr ? t.dgamma : nullptr;
    const bool wanted = dgamma != nullptr || t.dbeta != nullptr;
    const auto kernel = SPANKEY_DISPATCH(layer_norm_gradients);
    cpu::for_each_block(p.rows, block_rows(p), [&](index_t first, index_t count) {
      float* const sums = wanted ? scratch + first / block_rows(p) * 2 * p.channels : nullptr;
      if (wanted) std::fill_n(sums, 2 * p.channels, 0.0F);
      kernel(p, first, first + count, t, sums);
    });
    if (dgamma != nullptr) join(p, scratch, dgamma);
    if (t.dbeta != nullptr) join(p, scratch + p.channels, t.dbeta);
  }

 private:
  static constexpr index_t most_blocks = 64;
  // Rows of one task, and of one block of the sums.
  static constexpr index_t row_block(const layer_norm_problem& p) {
    return std::max<index_t>(1, cpu::block_elements / p.channels);
  }
  static constexpr index_t block_rows(const layer_norm_problem& p) {
    return std::max(row_block(p), cpu::pieces(p.rows, most_blocks));
  }

  // to += the sums of all blocks.
  static void join(const layer_norm_problem& p, const float* blocks, float* to) {
    for (index_t c = 0; c < p.channels; ++c) {
      double sum = 0;
      for (index_t b = 0; b < cpu::pieces(p.rows, block_rows(p)); ++b)
        sum += static_cast<double>(blocks[b * 2 * p.channels + c]);
      to[c] += static_cast<float>(sum);
    }
  }
};

}  // namespace spankey
