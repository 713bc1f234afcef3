// Convolution, CUDA: cuDNN's channels-last convolutions, own kernels where an image has few channels.
//   y = x * w (+ b)      dx (=, or +=) = dy * w transposed      dw += x^T dy      db += sum dy
// cuDNN wants weights as (O, kernel, kernel, I) in T: scratch holds them, and the weight gradients before they are added.
// In bf16, weight gradients come rounded to bf16 out of cuDNN, as in PyTorch's autocast. Specification:
// backend/reference/conv2d.hpp.
#pragma once

#include "spankey/backend/cuda/kernels.hpp"
#include "spankey/backend/cuda/tag.hpp"

namespace spankey {

template <cuda::Scalar T>
struct conv2d_kernels<backend::cuda, T> {
  static index_t scratch_size(const conv2d_problem& p) { return packed_size(p); }

  /// In floats, whatever T is.
  static index_t packed_size(const conv2d_problem& p) {
    return (cuda::conv2d_packed_size(p) * static_cast<index_t>(sizeof(T)) + 3) / 4;
  }
  static void pack(const conv2d_problem& p, const float* w, float* packed) {
    cuda::conv2d_pack(p, w, reinterpret_cast<T*>(packed));
  }
  static void forward_packed(const conv2d_problem& p, const T* x, const float* packed, const float* bias,
                             T* y, float* /*scratch*/) {
    cuda::conv2d_forward(p, x, reinterpret_cast<const T*>(packed), bias, y);
  }
  /// bias may be null.
  static void forward(const conv2d_problem& p, const T* x, const float* w, const float* bias, T* y,
                      float* scratch) {
    pack(p, w, scratch);
    forward_packed(p, x, scratch, bias, y, nullptr);
  }
  static void backward_data(const conv2d_problem& p, const T* dy, const float* w, T* dx, bool accumulate,
                            float* scratch) {
    pack(p, w, scratch);
    cuda::conv2d_backward_data(p, dy, reinterpret_cast<const T*>(scratch), dx, accumulate);
  }
  /// dbias may be null.
  static void backward_weights(const conv2d_problem& p, const T* x, const T* dy, float* dw, float* dbias,
                               float* scratch) {
    cuda::conv2d_backward_weights(p, x, dy, dw, dbias, reinterpret_cast<T*>(scratch));
  }
};

}  // namespace spankey
