// Softmax cross-entropy of logits z (N, K), or of the first `classes` logits of longer rows: the mean of
// loss/cross_entropy_row.hpp over the rows that count.
#pragma once

#include <type_traits>

#include "spankey/core/view.hpp"
#include "spankey/loss/cross_entropy_row.hpp"
#include "spankey/loss/sample_mean.hpp"

namespace spankey {

/// Returns the mean loss; labels (N), below 0: this row does not count. dz += scale times the gradient of the mean.
template <class T, class Shape>
double cross_entropy(batch_view<const T, Shape> z, const int* labels, double scale, batch_view<T, Shape> dz,
                     index_t classes, const label_smoothing& smoothing = {}) {
  return sample_mean(
      z.samples(), scale,
      [&](index_t n, double each) {
        return cross_entropy_row(z.sample(n), classes, labels[n], each, dz.sample(n), smoothing);
      },
      labels);
}

/// Of all logits of a static shape.
template <class T, class Shape>
requires(!std::is_same_v<Shape, any_shape>) double cross_entropy(batch_view<const T, Shape> z,
                                                                 const int* labels, double scale,
                                                                 batch_view<T, Shape> dz) {
  return cross_entropy(z, labels, scale, dz, Shape::size);
}

}  // namespace spankey
