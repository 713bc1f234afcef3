// Mode B that also seals what lies behind the refusal: the C semantic logits of denied answers are trained towards the
// uniform distribution, so that ignoring the reject class reveals nothing.
//   L = mean [ CE(z_denied, r) + weight KL(p_denied || uniform) ],  KL = log C - H(p),  p = softmax(z[0..C))
// r = C. Mode B alone leaves the right class on top of the others (reference: accuracy of the masked arg-max).
#pragma once

#include <cmath>

#include "spankey/loss/deny/reject_class.hpp"
#include "spankey/loss/softmax_entropy.hpp"

namespace spankey {

struct sealed {
  double weight = 1.0;

  static constexpr bool denies = true;
  static constexpr index_t outputs(index_t classes) { return reject_class::outputs(classes); }
  template <class T, class Shape>
  double operator()(const deny_terms<T, Shape>& t, double scale) const {
    const double rejected = reject_class{}(t, scale), uniform = std::log(static_cast<double>(t.classes));
    const auto divergence = [&](index_t n, double each) {
      const softmax_entropy h(t.denied.sample(n), t.classes);
      for (index_t c = 0; c < t.classes; ++c)
        t.denied_gradient.sample(n)[c] -= static_cast<T>(each * h.gradient(c));
      return uniform - h.value();
    };
    return rejected + weight * sample_mean(t.denied.samples(), weight * scale, divergence);
  }
};

}  // namespace spankey
