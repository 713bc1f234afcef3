// Updates of a parameter from its gradient, reference, in the order of PyTorch's optimizers. SGD (dampening 0):
//   g = dw + weight_decay w;   v = first step ? g : momentum v + g;   w -= lr (nesterov ? g + momentum v : v)
// Without momentum, w -= lr g and v stays untouched. Adam, at step t = 1, 2, ...:
//   g = dw + weight_decay w;   m = beta1 m + (1 - beta1) g;   v = beta2 v + (1 - beta2) g^2
//   w -= lr / (1 - beta1^t) m / (sqrt(v) / sqrt(1 - beta2^t) + epsilon)
// AdamW decays w itself, w *= 1 - lr weight_decay, and takes g = dw.
#pragma once

#include <algorithm>
#include <cmath>

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
  static void adam(const adam_update& u, index_t count, const T* gradient, T* first, T* second, T* value) {
    const T decay = static_cast<T>(u.decoupled ? 0 : u.weight_decay);
    const T shrink = static_cast<T>(u.decoupled ? 1 - u.learning_rate * u.weight_decay : 1);
    const T size = static_cast<T>(u.step_size()), correction = static_cast<T>(u.root_correction());
    for (index_t i = 0; i < count; ++i) {
      const T g = gradient[i] + decay * value[i];
      const T m = u.step == 1 ? T(0) : first[i], v = u.step == 1 ? T(0) : second[i];
      first[i] = static_cast<T>(u.beta1) * m + static_cast<T>(1 - u.beta1) * g;
      second[i] = static_cast<T>(u.beta2) * v + static_cast<T>(1 - u.beta2) * g * g;
      const T root = std::sqrt(second[i]) / correction + static_cast<T>(u.epsilon);
      value[i] = shrink * value[i] - size * first[i] / root;
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
