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
    return cross_entropy(
        t.denied, [&](index_t) { return t.classes; }, scale, t.denied_gradient, t.classes + 1);
  }
};

}  // namespace spankey
