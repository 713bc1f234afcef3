// A deny loss chosen at run time among several, whatever head each needs, "none" among them: for programs that compile one
// training for all of them. One call a denied group and step: no sample pays for the choice.
#pragma once

#include <type_traits>
#include <variant>

#include "spankey/loss/deny/deny.hpp"

namespace spankey {

template <DenyLoss... Losses>
class any_deny {
 public:
  /// One of them.
  template <class Loss>
  requires((std::is_same_v<Loss, Losses> || ...)) any_deny(const Loss& loss)
      : denies(loss.denies), chosen_(loss) {}

  bool denies;
  [[nodiscard]] head_outputs outputs(index_t classes) const {
    return std::visit([&](const auto& loss) { return head_outputs(loss.outputs(classes)); }, chosen_);
  }
  template <class T, class Shape>
  double operator()(const deny_terms<T, Shape>& t, double scale) const {
    return std::visit([&](const auto& loss) { return loss(t, scale); }, chosen_);
  }
  template <class F>
  void for_each_part(F&& f, double weight = 1) const {
    std::visit([&](const auto& loss) { loss.for_each_part(f, weight); }, chosen_);
  }

 private:
  std::variant<Losses...> chosen_;
};

}  // namespace spankey
