// Softmax cross-entropy of logits z (N, K), or of the first `classes` logits of longer rows: the mean of
// loss/cross_entropy_row.hpp over the rows that count. Of floats, rows of a vocabulary are computed in vectors.
#pragma once

#include <cmath>
#include <type_traits>

#include "spankey/backend/cpu/softmax.hpp"
#include "spankey/core/view.hpp"
#include "spankey/loss/cross_entropy_row.hpp"
#include "spankey/loss/sample_mean.hpp"

namespace spankey {

/// Logits from which on a row of floats is computed in vectors: probabilities then have relative errors of 3e-7, as those of
/// logits have that were rounded to float.
inline constexpr index_t least_vocabulary = 64;

/// cross_entropy_row of the same row without smoothing; each probability is computed in floats, the loss and the label's
/// gradient in double.
inline double vocabulary_row(const float* z, index_t classes, index_t label, double each, float* dz) {
  const cpu::softmax_sum sum = SPANKEY_DISPATCH(sum_softmax)(classes, z);
  const float before = dz[label];
  SPANKEY_DISPATCH(add_softmax)(classes, z, sum.largest, static_cast<float>(each / sum.total), dz);
  const double log_p = static_cast<double>(z[label]) - static_cast<double>(sum.largest) - std::log(sum.total);
  dz[label] = before + static_cast<float>(each * std::expm1(log_p));
  return -log_p;
}

/// The loss of one row on the host; dz += each times its gradient.
template <class T>
double host_cross_entropy_row(const T* z, index_t classes, index_t label, double each, T* dz,
                              const label_smoothing& smoothing = {}) {
  if constexpr (std::is_same_v<T, float>) {
    if (classes >= least_vocabulary && smoothing.share == 0)
      return vocabulary_row(z, classes, label, each, dz);
  }
  return cross_entropy_row(z, classes, label, each, dz, smoothing);
}

/// Returns the mean loss; labels (N), below 0: this row does not count. dz += scale times the gradient of the mean.
template <class T, class Shape>
double cross_entropy(batch_view<const T, Shape> z, const int* labels, double scale, batch_view<T, Shape> dz,
                     index_t classes, const label_smoothing& smoothing = {}) {
  return sample_mean(
      z.samples(), scale,
      [&](index_t n, double each) {
        return host_cross_entropy_row(z.sample(n), classes, labels[n], each, dz.sample(n), smoothing);
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
