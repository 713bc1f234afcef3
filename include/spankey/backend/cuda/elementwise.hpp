// Sums of activations, CUDA, element by element. Specification: backend/reference/elementwise.hpp.
#pragma once

#include "spankey/backend/cuda/kernels.hpp"
#include "spankey/backend/cuda/tag.hpp"

namespace spankey {

template <cuda::Scalar T>
struct elementwise_kernels<backend::cuda, T> {
  static void add(index_t count, const T* from, T* to) { cuda::sum(count, to, from, to); }
  static void sum(index_t count, const T* a, const T* b, T* y) { cuda::sum(count, a, b, y); }
  static void copy_columns(index_t rows, index_t columns, const T* from, index_t from_step, T* to,
                           index_t to_step) {
    cuda::copy_columns(rows, columns, from, from_step, to, to_step);
  }
};

}  // namespace spankey
