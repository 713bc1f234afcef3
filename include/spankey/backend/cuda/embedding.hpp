// A token's row of a table, and the answers of a head that shares it, CUDA. Specification: backend/reference/embedding.hpp.
#pragma once

#include "spankey/backend/cuda/kernels.hpp"
#include "spankey/backend/cuda/tag.hpp"

namespace spankey {

template <cuda::Scalar T>
struct embedding_kernels<backend::cuda, T> {
  static index_t scratch_size(const embedding_problem& p) { return cuda::embedding_scratch_size(p); }

  static void forward(const embedding_problem& p, const T* x, const float* table, T* y) {
    cuda::embedding_forward(p, x, table, y);
  }
  static void backward(const embedding_problem& p, const T* x, const T* dy, float* dtable) {
    cuda::embedding_backward(p, x, dy, dtable);
  }
  static void answers(const embedding_problem& p, const T* h, const float* table, float* z, float* scratch) {
    cuda::embedding_answers(p, h, table, z, scratch);
  }
  static void answers_data(const embedding_problem& p, const float* dz, const float* table, T* dh,
                           float* scratch) {
    cuda::embedding_answers_data(p, dz, table, dh, scratch);
  }
  static void answers_table(const embedding_problem& p, const T* h, const float* dz, float* dtable,
                            float* scratch) {
    cuda::embedding_answers_table(p, h, dz, dtable, scratch);
  }
};

}  // namespace spankey
