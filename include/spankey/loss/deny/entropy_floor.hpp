// Mode A_soft: the entropy of denied answers is held above a floor, `gap` nats below that of the uniform distribution.
//   L = mean relu(e)^2,  e = log C - H(p_denied) - gap        dL/dz_c = -2 relu(e) dH/dz_c
// p = softmax of the C semantic logits (loss/softmax_entropy.hpp). Source: arXiv 2604.12254.
#pragma once

#include <cmath>

#include "spankey/loss/deny/deny.hpp"
#include "spankey/loss/softmax_entropy.hpp"

namespace spankey {

struct entropy_floor {
  double gap = 0.3;

  static constexpr bool denies = true;
  static constexpr index_t outputs(index_t classes) { return classes; }
  template <class T, class Shape>
  double operator()(const deny_terms<T, Shape>& t, double scale) const {
    const double uniform = std::log(static_cast<double>(t.classes));
    return sample_mean(t.denied.samples(), scale, [&](index_t n, double each) {
      const softmax_entropy h(t.denied.sample(n), t.classes);
      const double below = positive_part(uniform - h.value() - gap);
      for (index_t c = 0; c < t.classes; ++c)
        t.denied_gradient.sample(n)[c] -= static_cast<T>(each * 2 * below * h.gradient(c));
      return below * below;
    });
  }
};

}  // namespace spankey
