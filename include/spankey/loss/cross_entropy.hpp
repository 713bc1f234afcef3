// Softmax cross-entropy: L = mean_n (log sum_c exp z(n,c) - z(n, y_n)),  dz += scale (softmax(z) - onehot(y))
// / N. z (N, K), or the first `classes` logits of longer rows. Computed from the shifted logits, so large logits
// neither overflow nor lose the small ones.
#pragma once

#include <algorithm>
#include <cmath>

#include "spankey/core/view.hpp"
#include "spankey/loss/sample_mean.hpp"

namespace spankey {

/// log(sum exp z) of one row of `count` logits.
template <class T>
double log_sum_exp(const T* z, index_t count) {
  const double top = static_cast<double>(*std::max_element(z, z + count));
  double sum = 0;
  for (index_t c = 0; c < count; ++c) sum += std::exp(static_cast<double>(z[c]) - top);
  return top + std::log(sum);
}

/// Returns the mean loss; label_of(n) is the target of sample n. dz += scale times the gradient of the mean.
template <class T, class Shape, class Labels>
double cross_entropy(batch_view<const T, Shape> z, const Labels& label_of, double scale,
                     batch_view<T, Shape> dz, index_t classes = Shape::size) {
  return sample_mean(z.samples(), scale, [&](index_t n, double each) {
    const T* row = z.sample(n);
    const double norm = log_sum_exp(row, classes);
    const index_t label = label_of(n);
    for (index_t c = 0; c < classes; ++c) {
      const double p = std::exp(static_cast<double>(row[c]) - norm);
      dz.sample(n)[c] += static_cast<T>(each * (c == label ? p - 1.0 : p));
    }
    return norm - static_cast<double>(row[label]);
  });
}

}  // namespace spankey
