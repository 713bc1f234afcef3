// Pooling, CUDA: maximum of every window, mean over all of H x W. Specification: backend/reference/pool2d.hpp.
#pragma once

#include "spankey/backend/cuda/kernels.hpp"
#include "spankey/backend/cuda/tag.hpp"

namespace spankey {

template <cuda::Scalar T>
struct pool2d_kernels<backend::cuda, T> {
  static void max_forward(const pool2d_problem& p, const T* x, T* y) { cuda::max_pool_forward(p, x, y); }
  static void max_backward(const pool2d_problem& p, const T* x, const T* dy, T* dx) {
    cuda::max_pool_backward(p, x, dy, dx);
  }
  static void mean_forward(index_t samples, const extents& in, const T* x, T* y) {
    cuda::mean_pool_forward(samples, in, x, y);
  }
  static void mean_backward(index_t samples, const extents& in, const T* dy, T* dx) {
    cuda::mean_pool_backward(samples, in, dy, dx);
  }
};

}  // namespace spankey
