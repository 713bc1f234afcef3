// What an extracted MLP is worth beside the true one: no signed means, and no entry counted that nobody had to recover.
//
//   share        of the entries of protected neurons that are within 1 % of their own size
//   columns      |w^ - w| / |w| of W_down, neuron by neuron: p50, p90, p99, largest
//   signs        how many of the protected neurons of gated MLPs have W_first point where it should
// Neurons are compared modulo what an MLP's function leaves open: their order, and of a gated one the sign and scale of W_up against
// W_down (aligned_to).
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "spankey/attack/extract_mlp.hpp"

namespace spankey {

/// Counts that add up over MLPs.
struct extraction_report {
  index_t entries = 0, within = 0;  // of protected neurons; within 1 %
  index_t all_entries = 0, all_within = 0;
  index_t neurons = 0, signs = 0, signs_right = 0, failed = 0;
  std::vector<double> columns, residuals;

  [[nodiscard]] double share() const { return share_of(within, entries); }
  [[nodiscard]] double share_of_all() const { return share_of(all_within, all_entries); }

 private:
  static double share_of(index_t part, index_t whole) {
    return whole == 0 ? 1 : static_cast<double>(part) / static_cast<double>(whole);
  }
};

/// The value below which a share of some values lies; 0 of none.
inline double quantile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1) + 0.5)];
}

inline constexpr double within_share = 0.01;
inline bool is_within(double found, double truth) {
  return std::abs(found - truth) <= within_share * std::abs(truth);
}

/// The found neurons in the order of the true ones, W_up and W_down scaled to each other as they are: the neuron nearest in
/// direction of W_first, each taken once, the surest first.
inline mlp_weights aligned_to(const mlp_weights& truth, const mlp_weights& found) {
  struct match {
    double cosine;
    index_t of, neuron;
  };
  const auto length = [&](const float* row) { return std::sqrt(dot(row, row, truth.inputs)); };
  std::vector<match> matches;
  for (index_t a = 0; a < truth.hidden; ++a)
    for (index_t b = 0; b < found.hidden; ++b) {
      const double both = length(truth.first_of(a)) * length(found.first_of(b));
      const double along = dot(truth.first_of(a), found.first_of(b), truth.inputs);
      matches.push_back({both > 0 ? std::abs(along) / both : 0, a, b});
    }
  std::stable_sort(matches.begin(), matches.end(),
                   [](const match& x, const match& y) { return x.cosine > y.cosine; });
  std::vector<index_t> taken(static_cast<std::size_t>(truth.hidden), -1);
  std::vector<bool> used(static_cast<std::size_t>(found.hidden));
  for (const match& m : matches) {
    index_t& at = taken[static_cast<std::size_t>(m.of)];
    if (at >= 0 || used[static_cast<std::size_t>(m.neuron)]) continue;
    at = m.neuron, used[static_cast<std::size_t>(m.neuron)] = true;
  }
  mlp_weights made = found.only(taken);
  made.down_bias = found.down_bias;
  for (index_t j = 0; made.gated() && j < made.hidden; ++j) {
    float* const up = made.up.data() + j * made.inputs;
    const double own = dot(up, up, made.inputs), along = dot(up, truth.up_of(j), made.inputs);
    const double scale = own > 0 && along != 0 ? along / own : 1;
    for (index_t i = 0; i < made.inputs; ++i) up[i] = static_cast<float>(scale * static_cast<double>(up[i]));
    for (index_t o = 0; o < made.outputs; ++o) {
      float& w = made.down[static_cast<std::size_t>(j * made.outputs + o)];
      w = static_cast<float>(static_cast<double>(w) / scale);
    }
  }
  return made;
}

/// Adds one MLP. `found` is of the same neurons in the same order (aligned_to); `is_protected(j)` says of which neurons there was
/// anything to find.
template <class Protected>
void compare_mlp(const mlp_weights& truth, const mlp_weights& found, const Protected& is_protected,
                 extraction_report& report) {
  const auto count = [&](index_t neuron, double a, double b) {
    const bool close = is_within(a, b), counts = is_protected(neuron);
    ++report.all_entries, report.all_within += close ? 1 : 0;
    report.entries += counts ? 1 : 0, report.within += counts && close ? 1 : 0;
  };
  for (index_t j = 0; j < truth.hidden; ++j) {
    for (index_t i = 0; i < truth.inputs; ++i) {
      count(j, static_cast<double>(found.first_of(j)[i]), static_cast<double>(truth.first_of(j)[i]));
      if (truth.gated() && found.gated())
        count(j, static_cast<double>(found.up_of(j)[i]), static_cast<double>(truth.up_of(j)[i]));
    }
    double error = 0;
    for (index_t o = 0; o < truth.outputs; ++o) {
      const auto a = static_cast<double>(found.down_of(j)[o]), b = static_cast<double>(truth.down_of(j)[o]);
      count(j, a, b);
      error += (a - b) * (a - b);
    }
    if (!truth.first_bias.empty())
      count(j, static_cast<double>(found.bias_of(j)), static_cast<double>(truth.bias_of(j)));
    if (!is_protected(j)) continue;
    const double size = std::sqrt(dot(truth.down_of(j), truth.down_of(j), truth.outputs));
    report.columns.push_back(size > 0 ? std::sqrt(error) / size : 0);
    ++report.neurons;
    if (!truth.gated()) continue;  // has none
    ++report.signs;
    report.signs_right += dot(found.first_of(j), truth.first_of(j), truth.inputs) > 0 ? 1 : 0;
  }
}

/// Residuals and failures, which need no truth.
inline void add_fits(const extracted_mlp& found, extraction_report& report) {
  for (const neuron_fit& fit : found.fits) {
    report.residuals.push_back(fit.residual);
    report.failed += fit.failed ? 1 : 0;
  }
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
