// No injection: y = x. With this policy a site costs nothing and keys are never read.
#pragma once

#include "spankey/backend/injection.hpp"
#include "spankey/inject/injector.hpp"

namespace spankey {

struct none {
  static constexpr const char* name = "none";

  template <class T>
  constexpr T forward(T x, T /*k*/) const {
    return x;
  }
  template <class T>
  constexpr injector_gradient<T> backward(T /*x*/, T /*k*/, T dy) const {
    return {dy, T(0)};
  }
};

template <>
inline constexpr injection_formula formula_of<none> = injection_formula::none;

/// A model without key sites.
using ungated = gate<none, at<>>;

}  // namespace spankey
