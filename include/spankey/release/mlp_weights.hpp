// The weights of an MLP pair, ungated or gated: what a release stands in for.
//
//   ungated   y = W_down f(W_first x + b_first) + b_down                  GPT-2, vision transformers
//   gated     y = W_down (f(W_first x + b_first) * (W_up x)) + b_down     Llama: biases are absent there
// A neuron is a row everywhere: first, up (hidden, inputs), down (hidden, outputs). Also here: the range that a neuron's
// W_first x has on calibration data, which says what a series around its middle has to cover.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "spankey/core/error.hpp"
#include "spankey/core/finite.hpp"
#include "spankey/release/activation_series.hpp"

namespace spankey {

struct mlp_weights {
  activation act = activation::gelu_tanh;
  index_t inputs = 0, hidden = 0, outputs = 0;
  std::vector<float> first{}, up{}, down{};      // up: empty where ungated
  std::vector<float> first_bias{}, down_bias{};  // empty: none

  [[nodiscard]] bool gated() const { return !up.empty(); }
  [[nodiscard]] const float* first_of(index_t neuron) const { return first.data() + neuron * inputs; }
  [[nodiscard]] const float* up_of(index_t neuron) const { return up.data() + neuron * inputs; }
  [[nodiscard]] const float* down_of(index_t neuron) const { return down.data() + neuron * outputs; }
  [[nodiscard]] float bias_of(index_t neuron) const {
    return first_bias.empty() ? 0.0F : first_bias[static_cast<std::size_t>(neuron)];
  }
  /// Some neurons alone, in the order given; b_down stays with the whole.
  [[nodiscard]] mlp_weights only(const std::vector<index_t>& neurons) const {
    mlp_weights part{act, inputs, static_cast<index_t>(neurons.size()), outputs, {}, {}, {}, {}, {}};
    for (const index_t j : neurons) {
      part.first.insert(part.first.end(), first_of(j), first_of(j) + inputs);
      if (gated()) part.up.insert(part.up.end(), up_of(j), up_of(j) + inputs);
      part.down.insert(part.down.end(), down_of(j), down_of(j) + outputs);
      if (!first_bias.empty()) part.first_bias.push_back(bias_of(j));
    }
    return part;
  }
};

/// Fails with release.102 where sizes do not fit each other, or something is no number.
inline void require_sound(const mlp_weights& w) {
  const auto has = [](const std::vector<float>& v, index_t count, bool may_be_empty) {
    return (may_be_empty && v.empty()) ||
           (static_cast<index_t>(v.size()) == count && all_finite(v.data(), count));
  };
  const bool positive = w.inputs > 0 && w.hidden > 0 && w.outputs > 0;
  if (!positive || !has(w.first, w.hidden * w.inputs, false) || !has(w.up, w.hidden * w.inputs, true) ||
      !has(w.down, w.hidden * w.outputs, false) || !has(w.first_bias, w.hidden, true) ||
      !has(w.down_bias, w.outputs, true))
    fail("release.102", "mlp_weights", "found weights that do not fit ", w.hidden, " neurons of ", w.inputs,
         " inputs and ", w.outputs, " outputs, expected finite numbers, as many as there are");
}

inline double dot(const float* a, const float* b, index_t count) {
  double sum = 0;
  for (index_t i = 0; i < count; ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

/// y (outputs) of one x, in double: what every other way of computing it is compared with.
inline std::vector<double> exact_mlp(const mlp_weights& w, const float* x) {
  std::vector<double> y(w.down_bias.begin(), w.down_bias.end());
  y.resize(static_cast<std::size_t>(w.outputs));
  for (index_t j = 0; j < w.hidden; ++j) {
    double h = derivatives_at(w.act, dot(w.first_of(j), x, w.inputs) + static_cast<double>(w.bias_of(j)))[0];
    if (w.gated()) h *= dot(w.up_of(j), x, w.inputs);
    for (index_t o = 0; o < w.outputs; ++o)
      y[static_cast<std::size_t>(o)] += h * static_cast<double>(w.down_of(j)[o]);
  }
  return y;
}

/// What W_first x (without its bias) was, neuron by neuron.
struct neuron_ranges {
  std::vector<float> least{}, most{};

  /// W_first x of all neurons.
  void add(std::span<const float> z) {
    if (least.empty()) least.assign(z.begin(), z.end()), most = least;
    for (std::size_t j = 0; j < z.size(); ++j)
      least[j] = std::min(least[j], z[j]), most[j] = std::max(most[j], z[j]);
  }
  /// Middle and half width.
  [[nodiscard]] float point(index_t j) const {
    return 0.5F * (least[static_cast<std::size_t>(j)] + most[static_cast<std::size_t>(j)]);
  }
  [[nodiscard]] double half_gap(index_t j) const {
    return 0.5 * (static_cast<double>(most[static_cast<std::size_t>(j)]) -
                  static_cast<double>(least[static_cast<std::size_t>(j)]));
  }
};

/// The largest error of a series of this order over the range of a neuron, by seventeen points of it.
inline double series_error(const mlp_weights& w, const neuron_ranges& ranges, index_t neuron, int order) {
  const double at = static_cast<double>(ranges.point(neuron)) + static_cast<double>(w.bias_of(neuron));
  const derivatives f = derivatives_at(w.act, at);
  double most = 0;
  for (int i = -8; i <= 8; ++i) {
    const double step = ranges.half_gap(neuron) * i / 8;
    most = std::max(most, std::abs(taylor_sum(f, order, step) - derivatives_at(w.act, at + step)[0]));
  }
  return most;
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
