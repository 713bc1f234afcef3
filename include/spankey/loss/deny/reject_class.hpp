// Mode B: the head has a reject class r = C, and denied answers are trained towards it.
//   L = mean CE(z_denied, r) over the first C+1 logits. Source: arXiv 2604.12254.
#pragma once

#include "spankey/loss/cross_entropy.hpp"
#include "spankey/loss/deny/deny.hpp"

namespace spankey {

struct reject_class {
  static constexpr bool denies = true;
  static constexpr index_t outputs(index_t classes) { return classes + 1; }
  template <class T, class Shape>
  double operator()(const deny_terms<T, Shape>& t, double scale) const {
    return t.mean(scale, [](const deny_row<T>& r, double each) {
      return host_cross_entropy_row(r.denied, r.with_refusal(), r.classes, each, r.denied_gradient);
    });
  }
  template <class F>
  void for_each_part(F&& f, double weight = 1) const {
    f(deny_part{deny_formula::reject_class, weight});
  }
};

}  // namespace spankey
