// Sums of activations, reference, element by element: to += from, y = a + b. y may be a or b.
#pragma once

#include "spankey/backend/reference/tag.hpp"

namespace spankey {

template <class T>
struct elementwise_kernels<backend::reference, T> {
  static void add(index_t count, const T* from, T* to) { sum(count, to, from, to); }
  static void sum(index_t count, const T* a, const T* b, T* y) {
    for (index_t i = 0; i < count; ++i) y[i] = a[i] + b[i];
  }
};

}  // namespace spankey
