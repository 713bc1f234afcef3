// Mode C_plus: mode C, and a denied answer is wrong by at least `margin2`.
//   L = mean [ relu(margin1 - (z_valid[y] - z_denied[y])) + relu(margin2 + z_denied[y] - max_{c != y} z_denied[c]) ]
// The maximum is over semantic classes; of equal ones the first gets the gradient, and a NaN is the maximum. With one
// class there is no other, and the second term is 0. Source: arXiv 2604.12254.
#pragma once

#include "spankey/loss/deny/margin.hpp"

namespace spankey {

struct margin_top {
  double margin1 = 1.0, margin2 = 0.5;

  static constexpr bool denies = true;
  static constexpr index_t outputs(index_t classes) { return classes; }
  template <class T, class Shape>
  double operator()(const deny_terms<T, Shape>& t, double scale) const {
    const double first = margin{margin1}(t, scale);
    return first + t.mean(scale, [&](const deny_row<T>& row, double each) {
      return margin_top_row(row, margin2, each);
    });
  }
  template <class F>
  void for_each_part(F&& f, double weight = 1) const {
    margin{margin1}.for_each_part(f, weight);
    f(deny_part{deny_formula::margin_top, weight, margin2});
  }
};

}  // namespace spankey
