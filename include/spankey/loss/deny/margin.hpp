// Mode C: with a valid key the logit of the right class is at least `margin1` larger than without one.
//   L = mean relu(margin1 - (z_valid[y] - z_denied[y]))
// The gradient flows to both groups; where the margin is kept it is 0. Shifting all logits of a group by a constant
// satisfies it too: judge it by the masked and calibrated accuracy. Source: arXiv 2604.12254.
#pragma once

#include "spankey/loss/deny/deny.hpp"

namespace spankey {

struct margin {
  double margin1 = 1.0;

  static constexpr bool denies = true;
  static constexpr index_t outputs(index_t classes) { return classes; }
  template <class T, class Shape>
  double operator()(const deny_terms<T, Shape>& t, double scale) const {
    return t.mean(scale, [&](const deny_row<T>& row, double each) { return margin_row(row, margin1, each); });
  }
  template <class F>
  void for_each_part(F&& f, double weight = 1) const {
    f(deny_part{deny_formula::margin, weight, margin1});
  }
};

}  // namespace spankey
