// The updates of one element of a parameter, in the order of PyTorch's optimizers: one text for backend::reference and for the
// GPU. The CPU's vectors (backend/cpu/update.inl) compute the same from the same factors. SGD (dampening 0):
//   g = dw + weight_decay w;   v = first step ? g : momentum v + g;   w -= lr (nesterov ? g + momentum v : v)
// Without momentum, w -= lr g and v stays untouched. Adam, at step t = 1, 2, ...:
//   g = dw + weight_decay w;   m = beta1 m + (1 - beta1) g;   v = beta2 v + (1 - beta2) g^2
//   w -= lr / (1 - beta1^t) m / (sqrt(v) / sqrt(1 - beta2^t) + epsilon)
// AdamW decays w itself, w *= 1 - lr weight_decay, and takes g = dw.
#pragma once

#include <cmath>

#include "spankey/backend/backend.hpp"
#include "spankey/core/host_device.hpp"

namespace spankey {

/// What every element of an update is multiplied with: computed once, in double, and rounded to T.
template <class T>
struct sgd_factors {
  T learning_rate, momentum, weight_decay;
  bool with_momentum, nesterov, first_step;

  explicit sgd_factors(const sgd_update& u)
      : learning_rate(static_cast<T>(u.learning_rate)),
        momentum(static_cast<T>(u.momentum)),
        weight_decay(static_cast<T>(u.weight_decay)),
        with_momentum(u.momentum != 0),
        nesterov(u.nesterov),
        first_step(u.first_step) {}
};
template <class T>
struct adam_factors {
  T decay, shrink, beta1, rest1, beta2, rest2, step_size, correction, epsilon;
  bool first_step;

  explicit adam_factors(const adam_update& u)
      : decay(static_cast<T>(u.decoupled ? 0 : u.weight_decay)),
        shrink(static_cast<T>(u.decoupled ? 1 - u.learning_rate * u.weight_decay : 1)),
        beta1(static_cast<T>(u.beta1)),
        rest1(static_cast<T>(1 - u.beta1)),
        beta2(static_cast<T>(u.beta2)),
        rest2(static_cast<T>(1 - u.beta2)),
        step_size(static_cast<T>(u.step_size())),
        correction(static_cast<T>(u.root_correction())),
        epsilon(static_cast<T>(u.epsilon)),
        first_step(u.step == 1) {}
};

/// `momentum` is not followed where there is none.
template <class T>
SPANKEY_HOST_DEVICE void sgd_element(const sgd_factors<T>& u, T gradient, T* momentum, T& value) {
  T g = gradient + u.weight_decay * value;
  if (u.with_momentum) {
    const T v = u.first_step ? g : u.momentum * *momentum + g;
    *momentum = v;
    g = u.nesterov ? g + u.momentum * v : v;
  }
  value -= u.learning_rate * g;
}
template <class T>
SPANKEY_HOST_DEVICE void adam_element(const adam_factors<T>& u, T gradient, T& first, T& second, T& value) {
  const T g = gradient + u.decay * value;
  const T m = u.beta1 * (u.first_step ? T(0) : first) + u.rest1 * g;
  const T v = u.beta2 * (u.first_step ? T(0) : second) + u.rest2 * g * g;
  first = m;
  second = v;
  value = u.shrink * value - u.step_size * m / (std::sqrt(v) / u.correction + u.epsilon);
}

}  // namespace spankey
