// ReLU, reference: y = max(x, 0), dx = dy [y > 0]. A NaN stays a NaN. x and y, dy and dx may be the same memory.
#pragma once

#include "spankey/backend/reference/tag.hpp"

namespace spankey {

template <class T>
struct relu_kernels<backend::reference, T> {
  static void forward(index_t count, const T* x, T* y) {
    for (index_t i = 0; i < count; ++i) y[i] = x[i] < T(0) ? T(0) : x[i];
  }
  static void backward(index_t count, const T* y, const T* dy, T* dx) {
    for (index_t i = 0; i < count; ++i) dx[i] = y[i] <= T(0) ? T(0) : dy[i];
  }
};

}  // namespace spankey
