// Updates of a parameter from its gradient, reference: the formulas of backend/update.hpp, element by element.
#pragma once

#include <algorithm>

#include "spankey/backend/reference/tag.hpp"
#include "spankey/backend/update.hpp"

namespace spankey {

template <class T>
struct update_kernels<backend::reference, T> {
  static void sgd(const sgd_update& u, index_t count, const T* gradient, T* momentum, T* value) {
    const sgd_factors<T> factors(u);
    for (index_t i = 0; i < count; ++i)
      sgd_element(factors, gradient[i], factors.with_momentum ? momentum + i : nullptr, value[i]);
  }
  static void adam(const adam_update& u, index_t count, const T* gradient, T* first, T* second, T* value) {
    const adam_factors<T> factors(u);
    for (index_t i = 0; i < count; ++i) adam_element(factors, gradient[i], first[i], second[i], value[i]);
  }
  /// x(i) = 0.
  static void zero(index_t count, T* x) { std::fill_n(x, count, T(0)); }
  /// Sum of squares, in double.
  static double squared_norm(index_t count, const T* x) {
    double sum = 0;
    for (index_t i = 0; i < count; ++i) sum += static_cast<double>(x[i]) * static_cast<double>(x[i]);
    return sum;
  }
};

}  // namespace spankey
