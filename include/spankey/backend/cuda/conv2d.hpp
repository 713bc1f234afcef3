// Convolution, CUDA: cuDNN's channels-last convolutions, own kernels where an image has few channels.
//   y = x * w (+ b)      dx (=, or +=) = dy * w transposed      dw += x^T dy      db += sum dy
// cuDNN wants weights as (O, kernel, kernel, I/groups) in T: scratch holds them, the weight gradients before they are
// added, and x with padding that is not the same on all sides.
// In bf16, weight gradients come rounded to bf16 out of cuDNN, as in PyTorch's autocast. Specification:
// backend/reference/conv2d.hpp.
#pragma once

#include "spankey/backend/cuda/kernels.hpp"
#include "spankey/backend/cuda/tag.hpp"

namespace spankey {

template <cuda::Scalar T>
struct conv2d_kernels<backend::cuda, T> {
  /// In floats, whatever T is.
  static index_t scratch_size(const conv2d_problem& p) { return padded_size(p) + packed_size(p); }
  static index_t packed_size(const conv2d_problem& p) {
    return (cuda::conv2d_packed_size(p) * static_cast<index_t>(sizeof(T)) + 3) / 4;
  }
  static void pack(const conv2d_problem& p, const float* w, float* packed) {
    cuda::conv2d_pack(p, w, reinterpret_cast<T*>(packed));
  }
  static void forward_packed(const conv2d_problem& p, const T* x, const float* packed, const float* bias,
                             T* y, float* scratch) {
    cuda::conv2d_forward(p, x, reinterpret_cast<const T*>(packed), bias, y, reinterpret_cast<T*>(scratch));
  }
  /// bias may be null.
  static void forward(const conv2d_problem& p, const T* x, const float* w, const float* bias, T* y,
                      float* scratch) {
    float* const packed = scratch + padded_size(p);
    pack(p, w, packed);
    forward_packed(p, x, packed, bias, y, scratch);
  }
  static void backward_data(const conv2d_problem& p, const T* dy, const float* w, T* dx, bool accumulate,
                            float* scratch) {
    const cuda::conv2d_scratch<T> parts = parts_of(p, scratch);
    cuda::conv2d_pack(p, w, parts.packed);
    cuda::conv2d_backward_data(p, dy, static_cast<const T*>(parts.packed), dx, accumulate, parts.padded);
  }
  /// dbias may be null.
  static void backward_weights(const conv2d_problem& p, const T* x, const T* dy, float* dw, float* dbias,
                               float* scratch) {
    cuda::conv2d_backward_weights(p, x, dy, dw, dbias, parts_of(p, scratch));
  }

 private:
  // Floats of the padded copy, which comes first in scratch: whole 64 bytes, so that what follows is aligned as well.
  static index_t padded_size(const conv2d_problem& p) {
    return (cuda::conv2d_padded_size(p) * static_cast<index_t>(sizeof(T)) + 63) / 64 * 16;
  }
  static cuda::conv2d_scratch<T> parts_of(const conv2d_problem& p, float* scratch) {
    return {reinterpret_cast<T*>(scratch), reinterpret_cast<T*>(scratch + padded_size(p))};
  }
};

}  // namespace spankey
