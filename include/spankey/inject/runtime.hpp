// An injector chosen at run time, for programs that read it from a flag: additive, multiplicative, reading or none.
// visit(f) calls f with the chosen policy once per tensor, so no element pays for the choice.
#pragma once

#include "spankey/inject/additive.hpp"
#include "spankey/inject/multiplicative.hpp"
#include "spankey/inject/none.hpp"
#include "spankey/inject/reading.hpp"

namespace spankey {

enum class injector_kind { none, additive, multiplicative, reading };

struct runtime {
  injector_kind kind = injector_kind::none;
  float gamma = 0;                        // 0: not set
  index_t readings = reading{}.readings;  // of reading

  [[nodiscard]] constexpr bool injects() const { return kind != injector_kind::none; }
  [[nodiscard]] constexpr bool is_set() const { return !injects() || gamma != 0; }
  /// Whether it acts on whole samples; reading does.
  [[nodiscard]] constexpr bool of_samples() const { return kind == injector_kind::reading; }

  template <class F>
  decltype(auto) visit(F&& f) const {
    switch (kind) {
      case injector_kind::additive:
        return f(additive{gamma});
      case injector_kind::multiplicative:
        return f(multiplicative{gamma});
      case injector_kind::reading:
        return f(reading{gamma, readings});
      case injector_kind::none:
        break;
    }
    return f(none{});
  }
  /// The chosen policy's, as in files.
  [[nodiscard]] const char* name() const {
    return visit([]<class Policy>(const Policy&) { return Policy::name; });
  }
};

}  // namespace spankey
