// Dropout, CUDA. Specification: backend/reference/dropout.hpp.
#pragma once

#include "spankey/backend/cuda/kernels.hpp"
#include "spankey/backend/cuda/tag.hpp"

namespace spankey {

template <cuda::Scalar T>
struct dropout_kernels<backend::cuda, T> {
  static void forward(const dropout_problem& p, index_t count, const T* x, T* y) {
    cuda::dropout(p, count, x, y);
  }
  static void backward(const dropout_problem& p, index_t count, const T* dy, T* dx) {
    cuda::dropout(p, count, dy, dx);
  }
};

}  // namespace spankey
