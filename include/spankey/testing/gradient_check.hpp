// Gradient check: compares an analytic gradient with central differences, in double.
//   numeric_i = (L(v + h e_i) - L(v - h e_i)) / 2h       error = |analytic - numeric| / |numeric|
// Public, so that users can check their own layers, injectors and losses.
#pragma once

#include <algorithm>
#include <cmath>
#include <span>

#include "spankey/core/shape.hpp"

namespace spankey {

struct gradient_check_result {
  double error;         // relative, over all checked elements
  double numeric_norm;  // a check of a gradient that is 0 everywhere proves nothing
};

/// `loss()` is evaluated with `values` changed in place, at most `limit` of them, evenly spread; they are
/// restored.
template <class Loss>
gradient_check_result check_gradient(std::span<double> values, std::span<const double> analytic, Loss&& loss,
                                     std::size_t limit = 64, double step = 1e-5) {
  // Odd, so that it does not keep to one channel where the number of channels is a power of two.
  const std::size_t stride = ((values.size() - 1) / std::max<std::size_t>(1, limit) + 1) | 1;
  double difference = 0, norm = 0;
  for (std::size_t i = 0; i < values.size(); i += stride) {
    const double kept = values[i];
    values[i] = kept + step;
    const double above = loss();
    values[i] = kept - step;
    const double below = loss();
    values[i] = kept;
    const double numeric = (above - below) / (2 * step);
    difference += (analytic[i] - numeric) * (analytic[i] - numeric);
    norm += numeric * numeric;
  }
  return {norm > 0 ? std::sqrt(difference / norm) : std::sqrt(difference), std::sqrt(norm)};
}

}  // namespace spankey
