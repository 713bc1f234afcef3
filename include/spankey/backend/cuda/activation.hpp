// Activations, CUDA, element by element. Specification: backend/reference/activation.hpp.
#pragma once

#include "spankey/backend/cuda/kernels.hpp"
#include "spankey/backend/cuda/tag.hpp"

namespace spankey {

template <cuda::Scalar T>
struct activation_kernels<backend::cuda, T> {
  static void forward(activation act, index_t count, const T* x, T* y) {
    cuda::activation_forward(act, count, x, y);
  }
  static void backward(activation act, index_t count, const T* x, const T* y, const T* dy, T* dx) {
    cuda::activation_backward(act, count, x, y, dy, dx);
  }
};

}  // namespace spankey
