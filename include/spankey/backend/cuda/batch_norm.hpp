// Batch norm with its activation and residual, CUDA, with statistics per group: two passes over memory forward, two
// backward. Statistics are sums of differences from a group's first row, in float over 64 rows or more, in double over
// those. Specification: backend/reference/batch_norm.hpp.
#pragma once

#include "spankey/backend/cuda/kernels.hpp"
#include "spankey/backend/cuda/tag.hpp"

namespace spankey {

template <cuda::Scalar T>
struct batch_norm_kernels<backend::cuda, T> {
  static index_t scratch_size(const batch_norm_problem& p) { return cuda::batch_norm_scratch_size(p); }

  static void forward_training(const batch_norm_problem& p, activation act,
                               const batch_norm_forward_operands<T>& t, float* scratch) {
    cuda::batch_norm_training(p, act, t, scratch);
  }
  static void reapply(const batch_norm_problem& p, activation act, const batch_norm_forward_operands<T>& t,
                      float* /*scratch*/) {
    cuda::batch_norm_reapply(p, act, t);
  }
  static void forward_evaluation(const batch_norm_problem& p, activation act,
                                 const batch_norm_forward_operands<T>& t, float* /*scratch*/) {
    cuda::batch_norm_evaluation(p, act, t);
  }
  static void backward(const batch_norm_problem& p, activation act, const batch_norm_backward_operands<T>& t,
                       float* scratch) {
    cuda::batch_norm_backward(p, act, t, scratch);
  }
};

}  // namespace spankey
