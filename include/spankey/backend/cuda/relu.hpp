// ReLU, CUDA: y = max(x, 0), dx = dy [y > 0]. A NaN stays a NaN. Specification: backend/reference/relu.hpp.
#pragma once

#include "spankey/backend/cuda/kernels.hpp"
#include "spankey/backend/cuda/tag.hpp"

namespace spankey {

template <cuda::Scalar T>
struct relu_kernels<backend::cuda, T> {
  static void forward(index_t count, const T* x, T* y) { cuda::relu_forward(count, x, y); }
  static void backward(index_t count, const T* y, const T* dy, T* dx) {
    cuda::relu_backward(count, y, dy, dx);
  }
};

}  // namespace spankey
