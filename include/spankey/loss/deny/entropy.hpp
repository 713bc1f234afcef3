// Mode A: denied answers are trained towards the uniform distribution, without end.
//   L = mean -H(p_denied),  p = softmax of the C semantic logits,  H in nats (loss/softmax_entropy.hpp)
// -log C <= L <= 0. Source: arXiv 2604.12254.
#pragma once

#include "spankey/loss/deny/deny.hpp"
#include "spankey/loss/softmax_entropy.hpp"

namespace spankey {

struct entropy {
  static constexpr bool denies = true;
  static constexpr index_t outputs(index_t classes) { return classes; }
  template <class T, class Shape>
  double operator()(const deny_terms<T, Shape>& t, double scale) const {
    return t.mean(scale, [&](const deny_row<T>& row, double each) { return entropy_row(row, each); });
  }
  template <class F>
  void for_each_part(F&& f, double weight = 1) const {
    f(deny_part{deny_formula::entropy, weight});
  }
};

}  // namespace spankey
