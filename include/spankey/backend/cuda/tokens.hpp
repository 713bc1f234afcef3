// Tokens and their positions, CUDA. Specification: backend/reference/tokens.hpp.
#pragma once

#include "spankey/backend/cuda/kernels.hpp"
#include "spankey/backend/cuda/tag.hpp"

namespace spankey {

template <cuda::Scalar T>
struct tokens_kernels<backend::cuda, T> {
  static void forward(const tokens_problem& p, const T* x, const float* first, const float* positions, T* y) {
    cuda::tokens_forward(p, x, first, positions, y);
  }
  /// dfirst, dpositions and dx may be null.
  static void backward(const tokens_problem& p, const T* dy, float* dfirst, float* dpositions, T* dx) {
    cuda::tokens_backward(p, dy, dfirst, dpositions, dx);
  }
  static void take(const tokens_problem& p, index_t token, const T* x, T* y) {
    cuda::token_take(p, token, x, y);
  }
  static void put(const tokens_problem& p, index_t token, const T* dy, T* dx) {
    cuda::token_put(p, token, dy, dx);
  }
};

}  // namespace spankey
