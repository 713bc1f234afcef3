// The mean of a loss over N samples, and what one sample's gradient is multiplied by.
//   L = sum_n term(n) / N        dL/dz(n) = each dterm(n)/dz(n),  each = scale / N
// Without samples the mean is 0.
#pragma once

#include "spankey/core/host_device.hpp"
#include "spankey/core/shape.hpp"

namespace spankey {

/// term(n, each) returns the loss of sample n and adds `each` times its gradient to where it belongs.
template <class Term>
double sample_mean(index_t samples, double scale, Term&& term) {
  if (samples == 0) return 0;
  const double each = scale / static_cast<double>(samples);
  double total = 0;
  for (index_t n = 0; n < samples; ++n) total += term(n, each);
  return total / static_cast<double>(samples);
}

/// max(v, 0), but NaN stays NaN.
SPANKEY_HOST_DEVICE constexpr double positive_part(double v) { return v <= 0 ? 0 : v; }

}  // namespace spankey
