// Layer norm over the channels of every row, reference (Ba, Kiros and Hinton 2016):
//   y = gamma xhat + beta,  xhat = (x - mean) rstd,  rstd = 1 / sqrt(variance + epsilon)
// x, y (rows, C); mean and biased variance of a row's C channels; mean and rstd (rows) are written. Backward:
//   dgamma += sum over rows of dy xhat      dbeta += sum over rows of dy
//   dx = rstd (g - mean_channels(g) - xhat mean_channels(g xhat)),  g = gamma dy
// Not centred (RMS norm, Zhang and Sennrich 2019): the mean is 0, and mean_channels(g) is left out.
#pragma once

#include <cmath>

#include "spankey/backend/reference/tag.hpp"

namespace spankey {

template <class T>
struct layer_norm_kernels<backend::reference, T> {
  static constexpr index_t scratch_size(const layer_norm_problem&) { return 0; }

  static void forward(const layer_norm_problem& p, const layer_norm_forward_operands<T>& t) {
    const T count = static_cast<T>(p.channels);
    for (index_t r = 0; r < p.rows; ++r) {
      const T* const x = t.x + r * p.channels;
      T mean = 0, variance = 0;
      for (index_t c = 0; p.centred && c < p.channels; ++c) mean += x[c];
      mean /= count;
      for (index_t c = 0; c < p.channels; ++c) variance += (x[c] - mean) * (x[c] - mean);
      const T rstd = T(1) / std::sqrt(variance / count + static_cast<T>(p.epsilon));
      for (index_t c = 0; c < p.channels; ++c)
        t.y[r * p.channels + c] =
            scale(t.gamma, c) * (x[c] - mean) * rstd + (t.beta != nullptr ? t.beta[c] : T(0));
      t.mean[r] = mean;
      t.rstd[r] = rstd;
    }
  }
  static void backward(const layer_norm_problem& p, const layer_norm_backward_operands<T>& t,
                       T* /*scratch*/) {
    const T count = static_cast<T>(p.channels);
    for (index_t r = 0; r < p.rows; ++r) {
      const auto xhat = [&](index_t c) { return (t.x[r * p.channels + c] - t.mean[r]) * t.rstd[r]; };
      T sum = 0, dot = 0;
      for (index_t c = 0; c < p.channels; ++c) {
        const T dy = t.dy[r * p.channels + c];
        sum += scale(t.gamma, c) * dy;
        dot += scale(t.gamma, c) * dy * xhat(c);
        if (t.gamma != nullptr && t.dgamma != nullptr) t.dgamma[c] += dy * xhat(c);
        if (t.dbeta != nullptr) t.dbeta[c] += dy;
      }
      if (!p.centred) sum = 0;
      for (index_t c = 0; c < p.channels; ++c) {
        const index_t at = r * p.channels + c;
        t.dx[at] = t.rstd[r] * (scale(t.gamma, c) * t.dy[at] - sum / count - xhat(c) * dot / count);
      }
    }
  }

 private:
  static T scale(const T* gamma, index_t c) { return gamma != nullptr ? gamma[c] : T(1); }
};

}  // namespace spankey
