// A deny loss chosen at run time among several that need the same head, for programs that read it from a flag.
// One call a denied group and step: no sample pays for the choice.
#pragma once

#include <variant>

#include "spankey/loss/deny/deny.hpp"

namespace spankey {

template <DenyLoss First, DenyLoss... Others>
struct runtime_deny {
  static_assert(First::denies && (Others::denies && ...),
                "SpanKey: no_deny has other groups: choose it by type");
  static_assert(
      (head_outputs(Others::outputs(2)).same_as(First::outputs(2)) && ...),
      "SpanKey: deny losses that are chosen at run time need the same head; see outputs(classes) of each");

  std::variant<First, Others...> chosen{};

  static constexpr bool denies = true;
  static constexpr head_outputs outputs(index_t classes) { return First::outputs(classes); }
  template <class T, class Shape>
  double operator()(const deny_terms<T, Shape>& t, double scale) const {
    return std::visit([&](const auto& loss) { return loss(t, scale); }, chosen);
  }
  template <class F>
  void for_each_part(F&& f, double weight = 1) const {
    std::visit([&](const auto& loss) { loss.for_each_part(f, weight); }, chosen);
  }
};

}  // namespace spankey
