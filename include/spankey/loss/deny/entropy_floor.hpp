// Mode A_soft: the entropy of denied answers is held above a floor, `gap` nats below that of the uniform distribution.
//   L = mean relu(e)^2,  e = log C - H(p_denied) - gap        dL/dz_c = -2 relu(e) dH/dz_c
// p = softmax of the C semantic logits (loss/softmax_entropy.hpp). Source: arXiv 2604.12254.
#pragma once

#include "spankey/loss/deny/deny.hpp"
#include "spankey/loss/softmax_entropy.hpp"

namespace spankey {

struct entropy_floor {
  double gap = 0.3;

  static constexpr bool denies = true;
  static constexpr index_t outputs(index_t classes) { return classes; }
  template <class T, class Shape>
  double operator()(const deny_terms<T, Shape>& t, double scale) const {
    return t.mean(scale,
                  [&](const deny_row<T>& row, double each) { return entropy_floor_row(row, gap, each); });
  }
  template <class F>
  void for_each_part(F&& f, double weight = 1) const {
    f(deny_part{deny_formula::entropy_floor, weight, gap});
  }
};

}  // namespace spankey
