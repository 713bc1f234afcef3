// Gated activations, CUDA. Specification: backend/reference/gated.hpp.
#pragma once

#include "spankey/backend/cuda/kernels.hpp"
#include "spankey/backend/cuda/tag.hpp"

namespace spankey {

template <cuda::Scalar T>
struct gated_kernels<backend::cuda, T> {
  static void forward(const gated_problem& p, activation act, const T* x, T* y) {
    cuda::gated_forward(p, act, x, y);
  }
  static void backward(const gated_problem& p, activation act, const T* x, const T* dy, T* dx) {
    cuda::gated_backward(p, act, x, dy, dx);
  }
};

}  // namespace spankey
