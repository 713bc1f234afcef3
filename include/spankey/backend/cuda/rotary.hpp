// Rotary positions, CUDA. Specification: backend/reference/rotary.hpp.
#pragma once

#include "spankey/backend/cuda/kernels.hpp"
#include "spankey/backend/cuda/tag.hpp"

namespace spankey {

template <cuda::Scalar T>
struct rotary_kernels<backend::cuda, T> {
  static constexpr index_t scratch_size(const rotary_problem&) { return 0; }

  static void forward(const rotary_problem& p, const T* x, T* y, float* /*scratch*/) {
    cuda::rotary(p, false, x, y);
  }
  static void backward(const rotary_problem& p, const T* dy, T* dx, float* /*scratch*/) {
    cuda::rotary(p, true, dy, dx);
  }
};

}  // namespace spankey
