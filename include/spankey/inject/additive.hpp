// Additive injection: y = x + gamma k,  dx = dy,  dk = gamma dy.
#pragma once

#include "spankey/backend/injection.hpp"
#include "spankey/inject/injector.hpp"

namespace spankey {

struct additive {
  float gamma = 0;  // 0: not set

  [[nodiscard]] constexpr bool is_set() const { return gamma != 0; }
  static constexpr const char* name = "additive";  // in files

  template <class T>
  constexpr T forward(T x, T k) const {
    return x + static_cast<T>(gamma) * k;
  }
  template <class T>
  constexpr injector_gradient<T> backward(T /*x*/, T /*k*/, T dy) const {
    return {dy, static_cast<T>(gamma) * dy};
  }
};

template <>
inline constexpr injection_formula formula_of<additive> = injection_formula::add;

}  // namespace spankey
