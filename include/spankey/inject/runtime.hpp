// An injector chosen at run time, for programs that read it from a flag: additive, multiplicative or none.
// visit(f) calls f with the chosen policy once per tensor, so no element pays for the choice.
#pragma once

#include "spankey/inject/additive.hpp"
#include "spankey/inject/multiplicative.hpp"
#include "spankey/inject/none.hpp"

namespace spankey {

enum class injector_kind { none, additive, multiplicative };

struct runtime {
  injector_kind kind = injector_kind::none;
  float gamma = 0;  // 0: not set

  [[nodiscard]] constexpr bool injects() const { return kind != injector_kind::none; }
  [[nodiscard]] constexpr bool is_set() const { return !injects() || gamma != 0; }

  template <class F>
  decltype(auto) visit(F&& f) const {
    switch (kind) {
      case injector_kind::additive:
        return f(additive{gamma});
      case injector_kind::multiplicative:
        return f(multiplicative{gamma});
      case injector_kind::none:
        break;
    }
    return f(none{});
  }
  template <class T>
  T forward(T x, T k) const {
    return visit([&](const auto& policy) { return policy.forward(x, k); });
  }
  template <class T>
  injector_gradient<T> backward(T x, T k, T dy) const {
    return visit([&](const auto& policy) { return policy.backward(x, k, dy); });
  }
};

}  // namespace spankey
