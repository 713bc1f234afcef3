// Softmax cross-entropy: L = mean_n (log sum_c exp z(n,c) - z(n, y_n)),  dz += scale (softmax(z) - onehot(y))
// / N. z (N, K). Computed from the shifted logits, so large logits neither overflow nor lose the small ones.
#pragma once

#include <algorithm>
#include <cmath>

#include "spankey/core/view.hpp"

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
                     batch_view<T, Shape> dz) {
  double total = 0;
  const double each = scale / static_cast<double>(z.samples());
  for (index_t n = 0; n < z.samples(); ++n) {
    const T* row = z.sample(n);
    const double norm = log_sum_exp(row, Shape::size);
    const index_t label = label_of(n);
    total += norm - static_cast<double>(row[label]);
    for (index_t c = 0; c < Shape::size; ++c) {
      const double p = std::exp(static_cast<double>(row[c]) - norm);
      dz.sample(n)[c] += static_cast<T>(each * (c == label ? p - 1.0 : p));
    }
  }
  return total / static_cast<double>(z.samples());
}

}  // namespace spankey
