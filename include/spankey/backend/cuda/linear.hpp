// Linear map, CUDA: cuBLAS products of T with sums in float. In bf16 the weights, and logit gradients that come in float,
// are rounded before they are multiplied; dbias is the sum of dy as it came. Specification: backend/reference/linear.hpp.
#pragma once

#include "spankey/backend/cuda/kernels.hpp"
#include "spankey/backend/cuda/tag.hpp"

namespace spankey {

template <cuda::Scalar T>
struct linear_kernels<backend::cuda, T> {
  static index_t scratch_size(const linear_problem& p) { return cuda::linear_scratch_size(p); }

  /// bias may be null.
  template <class Y>
  static void forward(const linear_problem& p, const T* x, const float* w, const float* bias, Y* y,
                      float* scratch) {
    cuda::linear_forward(p, x, w, bias, y, scratch);
  }
  template <class Y>
  static void backward_data(const linear_problem& p, const Y* dy, const float* w, T* dx, float* scratch) {
    cuda::linear_backward_data(p, dy, w, dx, scratch);
  }
  /// dbias may be null.
  template <class Y>
  static void backward_weights(const linear_problem& p, const T* x, const Y* dy, float* dw, float* dbias,
                               float* scratch) {
    cuda::linear_backward_weights(p, x, dy, dw, dbias, scratch);
  }
};

}  // namespace spankey
