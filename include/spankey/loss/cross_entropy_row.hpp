// Softmax cross-entropy of one row of logits, for the functors of loss/ and for kernels of any backend.
//   L = log sum_c exp z(c) - sum_c t(c) z(c)        dz += each (softmax(z) - t)
// The target t is 1 at the label; smoothed by s over C classes (Szegedy et al. 2016, "Rethinking the Inception
// architecture"), it is 1 - s + s/C there and s/C at the other classes: torch.nn.CrossEntropyLoss(label_smoothing=s).
// Computed from the shifted logits, so large logits neither overflow nor lose the small ones.
#pragma once

#include <cmath>

#include "spankey/core/host_device.hpp"
#include "spankey/core/shape.hpp"

namespace spankey {

/// max(v, 0), but NaN stays NaN.
SPANKEY_HOST_DEVICE constexpr double positive_part(double v) { return v <= 0 ? 0 : v; }

/// The first of the largest of `count` logits, as std::max_element counts.
template <class T>
SPANKEY_HOST_DEVICE index_t first_largest(const T* z, index_t count) {
  index_t top = 0;
  for (index_t c = 1; c < count; ++c)
    if (z[top] < z[c]) top = c;
  return top;
}

/// log(sum exp z) of one row of `count` logits.
template <class T>
SPANKEY_HOST_DEVICE double log_sum_exp(const T* z, index_t count) {
  const double top = static_cast<double>(z[first_largest(z, count)]);
  double sum = 0;
  for (index_t c = 0; c < count; ++c) sum += std::exp(static_cast<double>(z[c]) - top);
  return top + std::log(sum);
}

/// `share` of every target is spread over the first `classes` logits.
struct label_smoothing {
  double share = 0;
  index_t classes = 1;
};

/// The loss of one row; dz += each times its gradient.
template <class T>
SPANKEY_HOST_DEVICE double cross_entropy_row(const T* z, index_t classes, index_t label, double each, T* dz,
                                             const label_smoothing& smoothing = {}) {
  const double norm = log_sum_exp(z, classes);
  const double other = smoothing.share / static_cast<double>(smoothing.classes);
  double loss = norm - (1 - smoothing.share) * static_cast<double>(z[label]);
  for (index_t c = 0; c < classes; ++c) {
    const double p = std::exp(static_cast<double>(z[c]) - norm);
    double target = c == label ? 1 - smoothing.share : 0.0;
    if (smoothing.share > 0 && c < smoothing.classes) {
      target += other;
      loss -= other * static_cast<double>(z[c]);
    }
    dz[c] += static_cast<T>(each * (p - target));
  }
  return loss;
}

}  // namespace spankey
