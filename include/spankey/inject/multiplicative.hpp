// Multiplicative injection: y = x m,  m = clamp(1 + gamma tanh k, 0.1, 2).
//   dx = dy m;   dk = dy x gamma (1 - tanh^2 k) between the bounds, 0 outside them.
#pragma once

#include <cmath>

#include "spankey/backend/injection.hpp"
#include "spankey/inject/injector.hpp"

namespace spankey {

struct multiplicative {
  float gamma = 0;  // 0: not set

  [[nodiscard]] constexpr bool is_set() const { return gamma != 0; }
  static constexpr const char* name = "multiplicative";  // in files

  static constexpr double lowest = 0.1, highest = 2.0;

  template <class T>
  T forward(T x, T k) const {
    return x * clamped(T(1) + static_cast<T>(gamma) * std::tanh(k));
  }
  template <class T>
  injector_gradient<T> backward(T x, T k, T dy) const {
    const T tanh_k = std::tanh(k), m = T(1) + static_cast<T>(gamma) * tanh_k;
    const bool inside = m >= T(lowest) && m <= T(highest);
    return {dy * clamped(m), inside ? dy * x * static_cast<T>(gamma) * (T(1) - tanh_k * tanh_k) : T(0)};
  }

 private:
  template <class T>
  static T clamped(T m) {
    return m < T(lowest) ? T(lowest) : m > T(highest) ? T(highest) : m;
  }
};

template <>
inline constexpr injection_formula formula_of<multiplicative> = injection_formula::multiply;

}  // namespace spankey
