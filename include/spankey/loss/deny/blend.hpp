// A weighted sum of deny losses: L = sum_i w_i L_i, by default their mean. Mode AC is entropy_and_margin.
//
// The parts share one head. A loss with outputs(C) = C reads the C semantic logits only and goes with any other; two
// that want more must want the same head (a reject class is not an auxiliary reject logit).
#pragma once

#include <array>
#include <tuple>
#include <utility>

#include "spankey/loss/deny/entropy_floor.hpp"
#include "spankey/loss/deny/margin.hpp"

namespace spankey {

template <DenyLoss... Parts>
struct blend {
  static_assert(sizeof...(Parts) >= 2, "SpanKey: a blend has two parts or more");
  static_assert((Parts::denies && ...), "SpanKey: every part of a blend denies");

  std::tuple<Parts...> parts{};
  std::array<double, sizeof...(Parts)> weights = equal_weights();

  static constexpr bool denies = true;
  static constexpr head_outputs outputs(index_t classes) {
    static_assert(share_a_head(2),
                  "SpanKey: the parts of this blend need different heads: a reject class and an auxiliary "
                  "reject logit do not go together; see outputs(classes) of each");
    return widest(classes);
  }
  template <class T, class Shape>
  double operator()(const deny_terms<T, Shape>& t, double scale) const {
    return sum(t, scale, std::index_sequence_for<Parts...>());
  }

  template <class F>
  void for_each_part(F&& f, double of_all = 1) const {
    for_each_part(f, of_all, std::index_sequence_for<Parts...>());
  }

 private:
  template <class F, std::size_t... I>
  void for_each_part(F&& f, double of_all, std::index_sequence<I...>) const {
    (std::get<I>(parts).for_each_part(f, of_all * weights[I]), ...);
  }
  static constexpr std::array<double, sizeof...(Parts)> equal_weights() {
    std::array<double, sizeof...(Parts)> equal{};
    equal.fill(1.0 / static_cast<double>(sizeof...(Parts)));
    return equal;
  }
  static constexpr head_outputs widest(index_t classes) {
    head_outputs found = classes;
    const auto look_at = [&](const head_outputs& part) {
      if (part > found) found = part;
    };
    (look_at(Parts::outputs(classes)), ...);
    return found;
  }
  static constexpr bool share_a_head(index_t classes) {
    const auto fits = [&](const head_outputs& part) {
      return part.same_as(classes) || part.same_as(widest(classes));
    };
    return (fits(Parts::outputs(classes)) && ...);
  }
  template <class T, class Shape, std::size_t... I>
  double sum(const deny_terms<T, Shape>& t, double scale, std::index_sequence<I...>) const {
    return ((weights[I] * std::get<I>(parts)(t, scale * weights[I])) + ...);
  }
};

/// Mode AC: 0.5 A_soft + 0.5 C. Source: arXiv 2604.12254.
using entropy_and_margin = blend<entropy_floor, margin>;

}  // namespace spankey
