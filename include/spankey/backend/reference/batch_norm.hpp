// Batch norm, reference, with statistics per group (Ioffe and Szegedy 2015):
//   z = gamma (x - mean_g) rstd_g + beta,  y = act(z + residual)
// x, y (G*rows, C); mean, rstd (G, C). Training: mean and biased variance over the group's rows; the running
// statistics are updated group by group (unbiased variance), in order. Backward:
//   g = dy [y > 0]        (identity: g = dy)       dresidual = g, left in dy
//   dgamma += sum g xhat    dbeta += sum g        dx = gamma rstd (g - mean_rows(g) - xhat mean_rows(g xhat))
//   where the statistics are fixed (the running ones): dx = gamma rstd g
#pragma once

#include <cmath>
#include <span>

#include "spankey/backend/fused_activation.hpp"
#include "spankey/backend/reference/tag.hpp"

namespace spankey {

template <class T>
struct batch_norm_kernels<backend::reference, T> {
  static constexpr index_t scratch_size(const batch_norm_problem&) { return 0; }

  static void forward_training(const batch_norm_problem& p, activation act,
                               const batch_norm_forward_operands<T>& t, T* /*scratch*/) {
    const T count = static_cast<T>(p.rows), momentum = static_cast<T>(p.momentum);
    for (index_t g = 0; g < p.groups; ++g)
      for (index_t c = 0; c < p.channels; ++c) {
        const T* x = t.x + g * p.rows * p.channels + c;
        T mean = 0, variance = 0;
        for (index_t r = 0; r < p.rows; ++r) mean += x[r * p.channels];
        mean /= count;
        for (index_t r = 0; r < p.rows; ++r) {
          const T centred = x[r * p.channels] - mean;
          variance += centred * centred;
        }
        T counted = static_cast<T>(p.rows * p.copies);
        if (p.across != nullptr) {
          join_moments(p, mean, variance);
          counted *= static_cast<T>(p.across->parts());
        }
        variance /= count;
        t.mean[g * p.channels + c] = mean;
        t.rstd[g * p.channels + c] = T(1) / std::sqrt(variance + static_cast<T>(p.epsilon));
        // One row has no unbiased variance; PyTorch refuses it, the layer too.
        const T unbiased = variance * counted / (counted - T(1));
        for (index_t repeat = 0; repeat < p.repeats; ++repeat) {
          t.running_mean[c] += momentum * (mean - t.running_mean[c]);
          t.running_variance[c] += momentum * (unbiased - t.running_variance[c]);
        }
      }
    reapply(p, act, t, nullptr);
  }

  /// y from the batch statistics that a training pass left in `mean` and `rstd`.
  static void reapply(const batch_norm_problem& p, activation act, const batch_norm_forward_operands<T>& t,
                      T* /*scratch*/) {
    for (index_t g = 0; g < p.groups; ++g)
      normalise(p, act, t, g, t.mean + g * p.channels, t.rstd + g * p.channels);
  }

  /// y from the running statistics, which are left in `mean` and `rstd` of every group for the backward pass of a fixed norm.
  static void forward_evaluation(const batch_norm_problem& p, activation act,
                                 const batch_norm_forward_operands<T>& t, T* /*scratch*/) {
    for (index_t i = 0; i < p.groups * p.channels; ++i) {
      t.mean[i] = t.running_mean[i % p.channels];
      t.rstd[i] = T(1) / std::sqrt(t.running_variance[i % p.channels] + static_cast<T>(p.epsilon));
    }
    reapply(p, act, t, nullptr);
  }

  static void backward(const batch_norm_problem& p, activation act, const batch_norm_backward_operands<T>& t,
                       T* /*scratch*/) {
    const bool relu = fuses_relu(act);
    for (index_t g = 0; g < p.groups; ++g)
      for (index_t c = 0; c < p.channels; ++c) {
        const index_t first = g * p.rows * p.channels + c;
        const T mean = t.mean[g * p.channels + c], rstd = t.rstd[g * p.channels + c];
        T sum = 0, dot = 0;
        for (index_t r = 0; r < p.rows; ++r) {
          const index_t at = first + r * p.channels;
          if (relu && t.y[at] <= T(0)) t.dy[at] = T(0);
          sum += t.dy[at];
          dot += t.dy[at] * (t.x[at] - mean) * rstd;
        }
        if (t.gamma != nullptr && t.dgamma != nullptr) t.dgamma[c] += dot;
        if (t.dbeta != nullptr) t.dbeta[c] += sum;
        if (p.across != nullptr) add_across(p, sum, dot);
        const T gamma = t.gamma != nullptr ? t.gamma[c] : T(1);
        const index_t parts = p.across != nullptr ? p.across->parts() : 1;
        const T share = p.fixed ? T(0) : T(1) / static_cast<T>(p.rows * parts);
        for (index_t r = 0; r < p.rows; ++r) {
          const index_t at = first + r * p.channels;
          const T xhat = (t.x[at] - mean) * rstd;
          t.dx[at] = gamma * rstd * (t.dy[at] - sum * share - xhat * dot * share);
        }
      }
  }

 private:
  static void add_across(const batch_norm_problem& p, T& a, T& b) {
    const std::span<double> sums = p.across->room(2);
    sums[0] = static_cast<double>(a), sums[1] = static_cast<double>(b);
    p.across->add(sums);
    a = static_cast<T>(sums[0]), b = static_cast<T>(sums[1]);
  }
  // Of one part become those of all: the mean, and as much of the sum of squared deviations as falls to one part.
  static void join_moments(const batch_norm_problem& p, T& mean, T& squares) {
    const T own = mean, parts = static_cast<T>(p.across->parts()), rows = static_cast<T>(p.rows);
    T none = 0;
    add_across(p, mean, none);
    mean /= parts;
    squares += rows * (own - mean) * (own - mean);
    none = 0;
    add_across(p, squares, none);
    squares /= parts;
  }
  static void normalise(const batch_norm_problem& p, activation act, const batch_norm_forward_operands<T>& t,
                        index_t g, const T* mean, const T* rstd) {
    const bool relu = fuses_relu(act);
    for (index_t r = g * p.rows; r < (g + 1) * p.rows; ++r)
      for (index_t c = 0; c < p.channels; ++c) {
        const index_t at = r * p.channels + c;
        const T gamma = t.gamma != nullptr ? t.gamma[c] : T(1), beta = t.beta != nullptr ? t.beta[c] : T(0);
        T z = gamma * (t.x[at] - mean[c]) * rstd[c] + beta;
        if (t.residual != nullptr) z += t.residual[at];
        t.y[at] = relu && z < T(0) ? T(0) : z;  // a NaN stays a NaN
      }
  }
};

}  // namespace spankey
