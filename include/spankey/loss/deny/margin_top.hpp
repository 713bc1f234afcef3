// Mode C_plus: mode C, and a denied answer is wrong by at least `margin2`.
//   L = mean [ relu(margin1 - (z_valid[y] - z_denied[y])) + relu(margin2 + z_denied[y] - max_{c != y} z_denied[c]) ]
// The maximum is over semantic classes; of equal ones the first gets the gradient, and a NaN is the maximum. With one
// class there is no other, and the second term is 0. Source: arXiv 2604.12254.
#pragma once

#include <cmath>

#include "spankey/loss/deny/margin.hpp"

namespace spankey {

struct margin_top {
  double margin1 = 1.0, margin2 = 0.5;

  static constexpr bool denies = true;
  static constexpr index_t outputs(index_t classes) { return classes; }
  template <class T, class Shape>
  double operator()(const deny_terms<T, Shape>& t, double scale) const {
    const double first = margin{margin1}(t, scale);
    if (t.classes < 2) return first;
    return first + sample_mean(t.denied.samples(), scale, [&](index_t n, double each) {
             const T* z = t.denied.sample(n);
             const index_t y = t.labels[n], top = largest_but(z, y, t.classes);
             const double missing =
                 positive_part(margin2 + static_cast<double>(z[y]) - static_cast<double>(z[top]));
             if (missing != 0) {
               t.denied_gradient.sample(n)[y] += static_cast<T>(each);
               t.denied_gradient.sample(n)[top] -= static_cast<T>(each);
             }
             return missing;
           });
  }

 private:
  template <class T>
  static index_t largest_but(const T* z, index_t y, index_t classes) {
    index_t top = y == 0 ? 1 : 0;
    for (index_t c = top + 1; c < classes; ++c)
      if (c != y && (z[c] > z[top] || std::isnan(z[c]))) top = c;
    return top;
  }
};

}  // namespace spankey
