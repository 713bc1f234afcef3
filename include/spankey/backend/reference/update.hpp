// SGD update, reference, in the order of torch.optim.SGD (dampening 0):
//   g = dw + weight_decay w;   v = first step ? g : momentum v + g;   w -= lr (nesterov ? g + momentum v : v)
// Without momentum, w -= lr g and v stays untouched.
#pragma once

#include <algorithm>

#include "spankey/backend/reference/tag.hpp"

namespace spankey {

template <class T>
struct update_kernels<backend::reference, T> {
  static void sgd(const sgd_update& u, index_t count, const T* gradient, T* momentum, T* value) {
    const T lr = static_cast<T>(u.learning_rate), mu = static_cast<T>(u.momentum);
    for (index_t i = 0; i < count; ++i) {
      T g = gradient[i] + static_cast<T>(u.weight_decay) * value[i];
      if (u.momentum != 0) {
        momentum[i] = u.first_step ? g : mu * momentum[i] + g;
        g = u.nesterov ? g + mu * momentum[i] : momentum[i];
      }
      value[i] -= lr * g;
    }
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
