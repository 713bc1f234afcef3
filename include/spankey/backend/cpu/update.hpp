// Updates of a parameter from its gradient, CPU, each in one pass over memory; the formulas are those of backend/update.hpp.
// squared_norm is the sum of squares of a gradient. Specification: backend/reference/update.hpp.
#pragma once

#include "spankey/backend/cpu/tag.hpp"
#include "spankey/backend/update.hpp"
#include "spankey/core/compiled.hpp"

namespace spankey {

template <>
struct update_kernels<backend::cpu, float> {
  SPANKEY_INLINE static void sgd(const sgd_update& u, index_t count, const float* gradient, float* momentum,
                                 float* value);

  SPANKEY_INLINE static void adam(const adam_update& u, index_t count, const float* gradient, float* first,
                                  float* second, float* value);

  /// x(i) = 0, by all threads: gradients are as large as the model.
  SPANKEY_INLINE static void zero(index_t count, float* x);

  /// Sum of squares: float sums of at most 1024 terms a lane, the rest in double, in a fixed order.
  SPANKEY_INLINE static double squared_norm(index_t count, const float* x);
};

}  // namespace spankey

#if !defined(SPANKEY_COMPILED)
#include "spankey/backend/cpu/update_passes.inl"
#endif
