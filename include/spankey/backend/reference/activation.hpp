// Activations, reference, element by element; everything overwrites.
//   relu       y = max(x, 0)                                     dx = dy [y > 0]
//   gelu       y = x P(x), P(x) = (1 + erf(x / sqrt 2)) / 2      dx = dy (P(x) + x exp(-x^2 / 2) / sqrt(2 pi))
//   gelu_tanh  y = x s(w), w = sqrt(8 / pi) (x + 0.044715 x^3)   dx = dy (s(w) + x s(w) s(-w) dw/dx)
//   silu       y = x s(x)                                        dx = dy (s(x) + x s(x) s(-x))
// s(w) = 1 / (1 + exp(-w)), so that x s(w) is x (1 + tanh(w / 2)) / 2 as gelu_tanh is written elsewhere (Hendrycks and
// Gimpel, "Gaussian error linear units", 2016). backward reads y for relu, x for the others, and neither for the identity.
// A NaN stays a NaN. x and y, dy and dx may be the same memory.
#pragma once

#include <cmath>

#include "spankey/backend/reference/tag.hpp"

namespace spankey {

template <class T>
struct activation_kernels<backend::reference, T> {
  static void forward(activation act, index_t count, const T* x, T* y) {
    for (index_t i = 0; i < count; ++i) y[i] = value(act, x[i]);
  }
  static void backward(activation act, index_t count, const T* x, const T* y, const T* dy, T* dx) {
    for (index_t i = 0; i < count; ++i) {
      if (act == activation::relu) {
        dx[i] = y[i] <= T(0) ? T(0) : dy[i];
      } else {
        dx[i] = act == activation::identity ? dy[i] : dy[i] * slope(act, x[i]);
      }
    }
  }

  /// act(x) of one element.
  static T value(activation act, T x) {
    switch (act) {
      case activation::relu:
        return x < T(0) ? T(0) : x;
      case activation::gelu:
        return x * normal(x);
      case activation::gelu_tanh:
        return x * sigmoid(root * x + cubic * x * x * x);
      case activation::silu:
        return x * sigmoid(x);
      default:
        return x;
    }
  }

 private:
  static T sigmoid(T w) { return T(1) / (T(1) + std::exp(-w)); }
  static T normal(T x) { return T(0.5) * std::erfc(x * T(-0.70710678118654752440)); }
  static constexpr T root = T(1.59576912160573071176), cubic = root * T(0.044715);  // sqrt(8 / pi)

  static T slope(activation act, T x) {
    if (act == activation::gelu)
      return normal(x) + x * std::exp(T(-0.5) * x * x) * T(0.39894228040143267794);  // 1 / sqrt(2 pi)
    const bool silu = act == activation::silu;
    const T w = silu ? x : root * x + cubic * x * x * x, dw = silu ? T(1) : root + 3 * cubic * x * x;
    return sigmoid(w) + x * sigmoid(w) * sigmoid(-w) * dw;
  }
};

}  // namespace spankey
