// Layer norm over the channels of every row, CUDA. Specification: backend/reference/layer_norm.hpp.
#pragma once

#include "spankey/backend/cuda/kernels.hpp"
#include "spankey/backend/cuda/tag.hpp"

namespace spankey {

template <cuda::Scalar T>
struct layer_norm_kernels<backend::cuda, T> {
  static index_t scratch_size(const layer_norm_problem& p) { return cuda::layer_norm_scratch_size(p); }

  static void forward(const layer_norm_problem& p, const layer_norm_forward_operands<T>& t) {
    cuda::layer_norm_forward(p, t);
  }
  /// dx may alias dy.
  static void backward(const layer_norm_problem& p, const layer_norm_backward_operands<T>& t,
                       float* scratch) {
    cuda::layer_norm_backward(p, t, scratch);
  }
};

}  // namespace spankey
