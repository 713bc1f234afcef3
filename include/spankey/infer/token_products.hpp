// The matrices of a network of tokens times one token, by the kernels of a backend that has some.
#pragma once

#include <cstdint>
#include <type_traits>

#include "spankey/backend/backend.hpp"
#include "spankey/backend/row_product.hpp"
#include "spankey/infer/kernels.hpp"
#include "spankey/infer/token_kernels.hpp"

namespace spankey::infer {

template <class Backend, class Weight>
struct token_products {
  using kernels = row_kernels<Backend, Weight>;

  /// Floats.
  static constexpr index_t map_scratch(const operation& op) {
    return kernels::scratch_size(op.in.channels, op.channels);
  }
  static constexpr index_t table_scratch(const operation& op) {
    return in_blocks<Weight> ? map_scratch(op) : op.in.channels;
  }
  /// y = w x + b.
  static void map(const operation& op, const float* x, const weight_view<Weight>& w, float* y,
                  float* scratch) {
    if constexpr (in_blocks<Weight>) {
      kernels::rows({op.in.channels, op.channels, x, w.weights, w.scale, w.bias, y}, scratch);
    } else {
      const float* const scale = std::is_same_v<Weight, std::int8_t> ? w.scale : nullptr;
      kernels::columns({op.in.channels, op.channels, x, w.weights, scale, w.bias, y}, scratch);
    }
  }
  /// y = x times every row of an embedding's table.
  static void table(const operation& op, const float* x, const weight_view<Weight>& w, float* y,
                    float* scratch) {
    if constexpr (in_blocks<Weight>) {
      kernels::rows({op.in.channels, op.channels, x, w.weights, w.scale, nullptr, y}, scratch);
    } else {
      const float* const scaled = scaled_row(op.in.channels, x, w, scratch);
      kernels::rows({op.in.channels, op.channels, scaled, w.weights, nullptr, nullptr, y});
    }
  }
};

}  // namespace spankey::infer
