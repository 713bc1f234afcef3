// y (out) = x (in) W (in, out) + b of one row in float, by the kernels of a backend: what a release answers with.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <type_traits>

#include "spankey/backend/backend.hpp"
#include "spankey/backend/row_product.hpp"

namespace spankey {

/// The library's rows times matrices, and plain loops of the reference backend.
template <class Backend>
struct release_product {
  static index_t scratch_size(index_t in, index_t out) {
    if constexpr (std::is_same_v<Backend, backend::reference>) {
      return 0;
    } else {
      return row_kernels<Backend, float>::scratch_size(in, out);
    }
  }
  static void columns(const row_product<float>& p, float* scratch) {
    if constexpr (std::is_same_v<Backend, backend::reference>) {
      for (index_t o = 0; o < p.out; ++o) {
        float sum = 0;
        for (index_t i = 0; i < p.in; ++i) sum += p.x[i] * p.w[i * p.out + o];
        p.y[o] = sum + (p.b == nullptr ? 0.0F : p.b[o]);
      }
    } else {
      row_kernels<Backend, float>::columns(p, scratch);
    }
  }
};

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
