// Batch norm, CPU, with statistics per group; the formulas are those of backend/reference/batch_norm.hpp:
//   y = act(gamma (x - mean_g) rstd_g + beta + residual)
//   g = dy [y > 0], left in dy    dgamma += sum g xhat    dbeta += sum g    dx = ...
// Bound by memory: forward reads x twice and backward reads dy and x twice, no more. Each block of rows gives
// its own mean and sum of squared deviations (its second look is in cache), joined in double in block order
// (Chan, Golub and LeVeque 1983). Narrow rows are read several at a time: a "period" of `copies` rows.
// bf16: the same sums in float and double; y and dx are rounded once, and the mask is that of the y stored.
#pragma once

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>

#include "spankey/backend/cpu/lanes.hpp"
#include "spankey/backend/cpu/tag.hpp"
#include "spankey/backend/fused_activation.hpp"

namespace spankey::cpu {
/// One block of rows as the kernels walk it: `periods` periods, then `rest` elements of one more.
struct norm_rows {
  index_t periods, period, rest, channels;
  [[nodiscard]] constexpr index_t rows() const { return (periods * period + rest) / channels; }
};

/// Adds the copies of each channel into the first one.
inline void norm_fold(const norm_rows& r, float* sum) {
  for (index_t j = r.channels; j < r.period; j += r.channels)
    for (index_t i = 0; i < r.channels; ++i) sum[i] += sum[j + i];
}
}  // namespace spankey::cpu

#define SPANKEY_SCALAR_TEXT "spankey/backend/cpu/batch_norm.inl"
#define SPANKEY_ISA_TEXT "spankey/backend/cpu/foreach_scalar.inl"
#include "spankey/backend/cpu/foreach_isa.hpp"
#undef SPANKEY_SCALAR_TEXT

namespace spankey {

template <cpu::Scalar T>
struct batch_norm_kernels<backend::cpu, T> {
  /// Elements: three sums for every block of every group, four coefficients for every group.
  static constexpr index_t scratch_size(const batch_norm_problem& p) {
    const cut c(p);
    return (p.groups * c.blocks * sums + p.groups * coefficients) * c.period;
  }

  static void forward_training(const batch_norm_problem& p, activation act,
                               const batch_norm_forward_operands<T>& t, float* scratch) {
    const cut c(p);
    float* const partial = scratch + p.groups * coefficients * c.period;
    const auto moments = SPANKEY_DISPATCH(norm_moments);
    parallel_for(p.groups * c.blocks, [&](index_t task) {
      const norm_rows rows = c.rows_of(task % c.blocks);
      float* const block = partial + task * sums * c.period;
      moments(rows, t.x + c.first_element(p, task), block);
    });
    const std::span<double> all = room_across(p);
    parallel_for(cpu::pieces(p.channels, chunk), [&](index_t task) {
      for (index_t g = 0; g < p.groups; ++g)
        join_moments(p, c, task * chunk, g, partial + g * c.blocks * sums * c.period, t, all);
    });
    if (p.across != nullptr) {
      p.across->add(all);
      set_moments(p, t, all);
    }
    reapply(p, act, t, scratch);
  }

  /// y from the batch statistics that a training pass left in `mean` and `rstd`.
  static void reapply(const batch_norm_problem& p, activation act, const batch_norm_forward_operands<T>& t,
                      float* scratch) {
    const cut c(p);
    for (index_t g = 0; g < p.groups; ++g)
      set_affine(p, c, t, t.mean + g * p.channels, t.rstd + g * p.channels,
                 scratch + g * coefficients * c.period);
    normalise(p, c, act, t, scratch);
  }

  /// y from the running statistics, which are left in `mean` and `rstd` of every group for the backward pass of a fixed norm.
  static void forward_evaluation(const batch_norm_problem& p, activation act,
                                 const batch_norm_forward_operands<T>& t, float* scratch) {
    for (index_t i = 0; i < p.groups * p.channels; ++i) {
      t.mean[i] = t.running_mean[i % p.channels];
      t.rstd[i] = 1.0F / std::sqrt(t.running_variance[i % p.channels] + static_cast<float>(p.epsilon));
    }
    reapply(p, act, t, scratch);
  }

  /// dx may alias dy.
  static void backward(const batch_norm_problem& p, activation act, const batch_norm_backward_operands<T>& t,
                       float* scratch) {
    const cut c(p);
    const bool relu = fuses_relu(act);
    float* const partial = scratch + p.groups * coefficients * c.period;
    for (index_t g = 0; g < p.groups; ++g)
      repeat(p, c, scratch + g * coefficients * c.period,
             [&](index_t i) { return t.mean[g * p.channels + i]; });

    const auto gradient_sums = SPANKEY_DISPATCH(norm_gradient_sums);
    parallel_for(p.groups * c.blocks, [&](index_t task) {
      const norm_rows rows = c.rows_of(task % c.blocks);
      const index_t at = c.first_element(p, task);
      gradient_sums(rows, t.x + at, relu ? t.y + at : nullptr,
                    scratch + task / c.blocks * coefficients * c.period, t.dy + at,
                    partial + task * sums * c.period);
    });
    const std::span<double> all = room_across(p);
    parallel_for(cpu::pieces(p.channels, chunk), [&](index_t task) {
      for (index_t g = 0; g < p.groups; ++g)
        join_gradients(p, c, task * chunk, g, partial + g * c.blocks * sums * c.period, t,
                       scratch + g * coefficients * c.period, all);
    });
    if (p.across != nullptr) {
      p.across->add(all);
      for (index_t g = 0; g < p.groups; ++g)
        for (index_t i = 0; i < p.channels; ++i) {
          const double* const of = all.data() + 2 * (g * p.channels + i);
          set_gradient(p, c, t, g, i, of[0], of[1], scratch + g * coefficients * c.period);
        }
    }
    const auto data_gradient = SPANKEY_DISPATCH(norm_data_gradient);
    parallel_for(p.groups * c.blocks, [&](index_t task) {
      const norm_rows rows = c.rows_of(task % c.blocks);
      const index_t at = c.first_element(p, task);
      data_gradient(rows, t.x + at, t.dy + at, scratch + task / c.blocks * coefficients * c.period,
                    t.dx + at);
    });
  }

 private:
  using norm_rows = cpu::norm_rows;
  static constexpr index_t sums = 3, coefficients = 4, chunk = 16;

  // How one group is cut into blocks, and rows into periods.
  struct cut {
    constexpr explicit cut(const batch_norm_problem& p) : channels(p.channels), group_rows(p.rows) {
      if (channels < 64) {
        copies = 16 / std::gcd(channels, index_t{16});
        while (copies * channels < 64) copies *= 2;
      }
      period = copies * channels;
      block_rows = std::max<index_t>(1, cpu::block_elements / period) * copies;
      blocks = cpu::pieces(group_rows, block_rows);
    }
    [[nodiscard]] constexpr index_t rows_in(index_t block) const {
      return std::min(block_rows, group_rows - block * block_rows);
    }
    [[nodiscard]] constexpr norm_rows rows_of(index_t block) const {
      const index_t rows = rows_in(block);
      return {rows / copies, period, rows % copies * channels, channels};
    }
    // First element of a task: a block of a group.
    [[nodiscard]] constexpr index_t first_element(const batch_norm_problem& p, index_t task) const {
      return (task / blocks * p.rows + task % blocks * block_rows) * channels;
    }
    index_t channels, group_rows;
    index_t copies = 1, period = 0, block_rows = 0, blocks = 0;
  };

  // Writes value(channel) for every channel, once per copy.
  template <class F>
  static void repeat(const batch_norm_problem& p, const cut& c, float* to, const F& value) {
    for (index_t copy = 0; copy < c.copies; ++copy)
      for (index_t i = 0; i < p.channels; ++i) to[copy * p.channels + i] = value(i);
  }

  // Coefficients of y = (x - mean) scale + beta.
  static void set_affine(const batch_norm_problem& p, const cut& c, const batch_norm_forward_operands<T>& t,
                         const float* mean, const float* rstd, float* to) {
    repeat(p, c, to, [&](index_t i) { return mean[i]; });
    repeat(p, c, to + c.period,
           [&](index_t i) { return t.gamma != nullptr ? t.gamma[i] * rstd[i] : rstd[i]; });
    repeat(p, c, to + 2 * c.period, [&](index_t i) { return t.beta != nullptr ? t.beta[i] : 0.0F; });
  }

  static void normalise(const batch_norm_problem& p, const cut& c, activation act,
                        const batch_norm_forward_operands<T>& t, const float* affine) {
    const auto kernel = SPANKEY_DISPATCH(norm_apply);
    const bool relu = fuses_relu(act);
    parallel_for(p.groups * c.blocks, [&](index_t task) {
      const index_t at = c.first_element(p, task);
      kernel(c.rows_of(task % c.blocks), t.x + at, t.residual != nullptr ? t.residual + at : nullptr,
             affine + task / c.blocks * coefficients * c.period, relu, t.y + at);
    });
  }

  // Statistics of one group for `chunk` channels from `first` on, and the running ones. A block holds its
  // mean as a sum of two floats, and its sum of squared deviations.
  static void join_moments(const batch_norm_problem& p, const cut& c, index_t first, index_t g,
                           const float* partial, const batch_norm_forward_operands<T>& t,
                           std::span<double> all) {
    const index_t count = std::min(chunk, p.channels - first);
    const double rows = static_cast<double>(p.rows);
    double mean[chunk] = {}, squares[chunk] = {};
    for (index_t b = 0; b < c.blocks; ++b) {
      const float* block = partial + b * sums * c.period + first;
      const double weight = static_cast<double>(c.rows_in(b)) / rows;
      for (index_t i = 0; i < count; ++i)
        mean[i] += weight * (static_cast<double>(block[i]) + static_cast<double>(block[c.period + i]));
    }
    for (index_t b = 0; b < c.blocks; ++b) {
      const float* block = partial + b * sums * c.period + first;
      const double weight = static_cast<double>(c.rows_in(b));
      for (index_t i = 0; i < count; ++i) {
        const double apart =
            (static_cast<double>(block[i]) - mean[i]) + static_cast<double>(block[c.period + i]);
        squares[i] += static_cast<double>(block[2 * c.period + i]) + weight * apart * apart;
      }
    }
    for (index_t i = 0; i < count; ++i) {
      const index_t channel = first + i;
      if (all.empty()) {
        set_statistics(p, t, g, channel, rows, mean[i], squares[i]);
        continue;
      }
      const double apart = mean[i] - static_cast<double>(t.running_mean[channel]);
      double* const of = all.data() + 2 * (g * p.channels + channel);
      of[0] = rows * apart;
      of[1] = squares[i] + rows * apart * apart;
    }
  }

  // What all parts of a batch add to: a sum and a sum of squares of every channel of every group, forward about the running
  // mean, which is the same in all of them.
  static std::span<double> room_across(const batch_norm_problem& p) {
    if (p.across == nullptr) return {};
    return p.across->room(static_cast<std::size_t>(2 * p.groups * p.channels));
  }
  static void set_moments(const batch_norm_problem& p, const batch_norm_forward_operands<T>& t,
                          std::span<const double> all) {
    const double rows = static_cast<double>(p.rows * p.across->parts());
    for (index_t channel = 0; channel < p.channels; ++channel) {
      const double about = static_cast<double>(t.running_mean[channel]);  // before the groups move it
      for (index_t g = 0; g < p.groups; ++g) {
        const double* const of = all.data() + 2 * (g * p.channels + channel);
        const double apart = of[0] / rows, squares = of[1] - rows * apart * apart;
        set_statistics(p, t, g, channel, rows, about + apart, squares < 0 ? 0 : squares);
      }
    }
  }

  static void set_statistics(const batch_norm_problem& p, const batch_norm_forward_operands<T>& t, index_t g,
                             index_t channel, double rows, double mean, double squares) {
    const double copies = static_cast<double>(p.copies);
    const double variance = squares / rows, unbiased = squares * copies / (rows * copies - 1.0);
    t.mean[g * p.channels + channel] = static_cast<float>(mean);
    t.rstd[g * p.channels + channel] = static_cast<float>(1.0 / std::sqrt(variance + p.epsilon));
    const auto advance = [&](float& running, double now) {
      const double before = static_cast<double>(running);
      running = static_cast<float>(before + p.momentum * (now - before));
    };
    for (index_t repeat = 0; repeat < p.repeats; ++repeat) {
      advance(t.running_mean[channel], mean);
      advance(t.running_variance[channel], unbiased);
    }
  }

  // dgamma, dbeta and, of a whole batch, the coefficients of dx = scale (g - mean g) + slope (x - mean), for `chunk` channels.
  static void join_gradients(const batch_norm_problem& p, const cut& c, index_t first, index_t g,
                             const float* partial, const batch_norm_backward_operands<T>& t, float* to,
                             std::span<double> all) {
    const index_t count = std::min(chunk, p.channels - first);
    double sum[chunk] = {}, dot[chunk] = {};
    for (index_t b = 0; b < c.blocks; ++b) {
      const float* block = partial + b * sums * c.period + first;
      for (index_t i = 0; i < count; ++i) {
        sum[i] += static_cast<double>(block[i]);
        dot[i] += static_cast<double>(block[c.period + i]);
      }
    }
    for (index_t i = 0; i < count; ++i) {
      const index_t channel = first + i;
      const double rstd = static_cast<double>(t.rstd[g * p.channels + channel]);
      if (t.gamma != nullptr && t.dgamma != nullptr) t.dgamma[channel] += static_cast<float>(dot[i] * rstd);
      if (t.dbeta != nullptr) t.dbeta[channel] += static_cast<float>(sum[i]);
      if (all.empty()) {
        set_gradient(p, c, t, g, channel, sum[i], dot[i], to);
        continue;
      }
      double* const of = all.data() + 2 * (g * p.channels + channel);
      of[0] = sum[i], of[1] = dot[i];
    }
  }
  static void set_gradient(const batch_norm_problem& p, const cut& c,
                           const batch_norm_backward_operands<T>& t, index_t g, index_t channel, double sum,
                           double dot, float* to) {
    const double rstd = static_cast<double>(t.rstd[g * p.channels + channel]);
    const double scale = t.gamma != nullptr ? static_cast<double>(t.gamma[channel]) * rstd : rstd;
    const index_t parts = p.across != nullptr ? p.across->parts() : 1;
    const double share = p.fixed ? 0 : 1 / static_cast<double>(p.rows * parts);
    for (index_t at = channel; at < c.period; at += p.channels) {
      to[c.period + at] = static_cast<float>(scale);
      to[2 * c.period + at] = static_cast<float>(sum * share);
      to[3 * c.period + at] = static_cast<float>(-scale * rstd * rstd * dot * share);
    }
  }
};

}  // namespace spankey
