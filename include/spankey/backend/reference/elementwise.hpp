// Sums of activations, reference, element by element: to += from, y = a + b. y may be a or b. Columns of a matrix: `columns`
// elements of every row, whose rows lie `from_step` and `to_step` elements apart.
#pragma once

#include "spankey/backend/reference/tag.hpp"

namespace spankey {

template <class T>
struct elementwise_kernels<backend::reference, T> {
  static void add(index_t count, const T* from, T* to) { sum(count, to, from, to); }
  static void sum(index_t count, const T* a, const T* b, T* y) {
    for (index_t i = 0; i < count; ++i) y[i] = a[i] + b[i];
  }
  static void copy_columns(index_t rows, index_t columns, const T* from, index_t from_step, T* to,
                           index_t to_step) {
    for (index_t r = 0; r < rows; ++r)
      for (index_t c = 0; c < columns; ++c) to[r * to_step + c] = from[r * from_step + c];
  }
};

}  // namespace spankey
