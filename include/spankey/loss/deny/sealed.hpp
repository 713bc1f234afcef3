// Mode B that also seals what lies behind the refusal: the C semantic logits of denied answers are trained towards the
// uniform distribution, so that ignoring the reject class reveals nothing.
//   L = mean [ CE(z_denied, r) + weight KL(p_denied || uniform) ],  KL = log C - H(p),  p = softmax(z[0..C))
// r = C. Mode B alone leaves the right class on top of the others (reference: accuracy of the masked arg-max).
#pragma once

#include "spankey/loss/deny/reject_class.hpp"
#include "spankey/loss/softmax_entropy.hpp"

namespace spankey {

struct sealed {
  double weight = 1.0;

  static constexpr bool denies = true;
  static constexpr index_t outputs(index_t classes) { return reject_class::outputs(classes); }
  template <class T, class Shape>
  double operator()(const deny_terms<T, Shape>& t, double scale) const {
    const double rejected = reject_class{}(t, scale);
    return rejected + weight * t.mean(weight * scale, [&](const deny_row<T>& row, double each) {
      return uniform_row(row, each);
    });
  }
  template <class F>
  void for_each_part(F&& f, double of_all = 1) const {
    reject_class{}.for_each_part(f, of_all);
    f(deny_part{deny_formula::uniform, of_all * weight});
  }
};

}  // namespace spankey
