// Attention, CUDA. Specification: backend/reference/attention.hpp.
#pragma once

#include "spankey/backend/cuda/kernels.hpp"
#include "spankey/backend/cuda/tag.hpp"

namespace spankey {

template <cuda::Scalar T>
struct attention_kernels<backend::cuda, T> {
  /// Floats: a number of every row, which backward reads more than once.
  static constexpr index_t scratch_size(const attention_problem& p) { return p.rows(); }

  static void forward(const attention_problem& p, const attention_forward_operands<T>& t,
                      float* /*scratch*/) {
    cuda::attention_forward(p, t);
  }
  static void backward(const attention_problem& p, const attention_backward_operands<T>& t, float* scratch) {
    cuda::attention_backward(p, t, scratch);
  }
};

}  // namespace spankey
