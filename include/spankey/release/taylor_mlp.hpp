// TaylorMLP: an MLP whose chosen neurons are handed out as series around a point each, with W_down multiplied into the
// coefficients, instead of their weights (Yang et al., "Tailoring large language models for release", 2506.19874).
//
//   D_j = W~_j x - z~_j           W~ = p_j W_first, z~ = p_j z_j, z_j the middle of the neuron's range on calibration data
//   gated     y = b + sum_j (W_up[j] x) (a_j + sum_n D_j^n / n! T_{j,n})    a_j = f(e_j) W_down[j], T_{j,n} = p_j^n f^(n)(e_j) W_down[j]
//   ungated   y = c + sum_j sum_n D_j^n / n! T_{j,n}                        c = b + sum_j f(e_j) W_down[j], p_j = 1
// and the other neurons as they are. e_j = z_j + b_first[j]: this bias is in nothing that is released. (The published code takes
// derivatives at z_j without it: its outputs differ.) p_j = +-1 is drawn: the one secret of the gated form. Which neurons: those
// whose series errs least, by the width of their range (`share`), or those that keep an error budget. In bf16 every number
// that is handed out, and what it is computed from, is rounded, as the published code does.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

#include "spankey/core/bf16.hpp"
#include "spankey/core/random.hpp"
#include "spankey/release/mlp_weights.hpp"

namespace spankey {

enum class release_precision : unsigned char { fp32, bf16 };
inline constexpr std::array<choice<release_precision>, 2> release_precision_names{
    {{"fp32", release_precision::fp32}, {"bf16", release_precision::bf16}}};

struct taylor_options {
  int order = 8;
  double share = 0.7;  // of the neurons: those of the narrowest ranges
  double budget = 0;   // above 0: instead, all whose series errs at most so much over its range
  release_precision precision = release_precision::fp32;
};

/// What is released of one MLP.
struct taylor_mlp {
  activation act = activation::gelu_tanh;
  int order = 8;
  index_t inputs = 0, outputs = 0;
  std::vector<std::int64_t> sampled{}, plain{};  // numbers of the neurons that are series, and of the others
  std::vector<float> first{}, up{};              // (S, inputs): W~, and W_up where gated
  std::vector<float> point{};                    // (S): z~
  std::vector<float> value{};                    // (S, outputs): a, where gated
  std::vector<float> constant{};                 // (outputs): c; of the gated form b, or empty
  std::vector<float> coefficients{};             // (order, S, outputs): T of order 1, 2, ...
  mlp_weights rest{};                            // the others, raw; no b_down

  [[nodiscard]] bool gated() const { return !up.empty() || !rest.up.empty(); }
  [[nodiscard]] index_t series() const { return static_cast<index_t>(sampled.size()); }
  [[nodiscard]] index_t hidden() const { return series() + rest.hidden; }
  [[nodiscard]] const float* coefficient(int n, index_t j) const {
    return coefficients.data() + ((n - 1) * series() + j) * outputs;
  }
  /// Multiplications of one x.
  [[nodiscard]] double products() const {
    const double in = static_cast<double>(hidden() * inputs) * (gated() ? 2 : 1);
    const double vectors = order + (gated() ? 1 : 0);
    return in + static_cast<double>(outputs) *
                    (vectors * static_cast<double>(series()) + static_cast<double>(rest.hidden));
  }
};

/// Numbers of the neurons that become series, rising. Fails with release.103 for options out of range, or ranges of other neurons.
inline std::vector<index_t> chosen_neurons(const mlp_weights& w, const neuron_ranges& ranges,
                                           const taylor_options& o) {
  if (o.order < 0 || o.order > most_series_order || !(o.share >= 0 && o.share <= 1) || !(o.budget >= 0))
    fail("release.103", "taylor", "found order ", o.order, ", share ", o.share, ", budget ", o.budget,
         ", expected an order of 0 to ", most_series_order, ", a share of 0 to 1, a budget of at least 0");
  if (static_cast<index_t>(ranges.least.size()) != w.hidden)
    fail("release.103", "taylor", "found ranges of ", ranges.least.size(), " neurons, expected those of ",
         w.hidden);
  std::vector<index_t> order(static_cast<std::size_t>(w.hidden));
  std::iota(order.begin(), order.end(), index_t{0});
  if (o.budget > 0) {
    std::erase_if(order, [&](index_t j) { return !(series_error(w, ranges, j, o.order) <= o.budget); });
    return order;
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](index_t a, index_t b) { return ranges.half_gap(a) < ranges.half_gap(b); });
  order.resize(static_cast<std::size_t>(std::llround(o.share * static_cast<double>(w.hidden))));
  std::sort(order.begin(), order.end());
  return order;
}

/// The sign of a gated neuron: of the owner's coins, a layer and a neuron.
inline int sign_of_neuron(std::uint64_t coins, std::uint64_t layer, index_t neuron) {
  return (random_source(coins, stream::release, layer).bits(static_cast<std::uint64_t>(neuron)) & 1U) != 0
             ? -1
             : 1;
}

/// Errors: those of chosen_neurons, release.102.
inline taylor_mlp release_taylor(const mlp_weights& given, const neuron_ranges& ranges,
                                 const taylor_options& o, std::uint64_t coins, std::uint64_t layer) {
  require_sound(given);
  const auto rounded = [&](float x) {
    return o.precision == release_precision::bf16 ? static_cast<float>(bf16(x)) : x;
  };
  mlp_weights w = given;
  for (std::vector<float>* all : {&w.first, &w.up, &w.down, &w.first_bias, &w.down_bias})
    for (float& x : *all) x = rounded(x);
  const std::vector<index_t> chosen = chosen_neurons(w, ranges, o);
  std::vector<index_t> others{};
  for (index_t j = 0; j < w.hidden; ++j)
    if (!std::binary_search(chosen.begin(), chosen.end(), j)) others.push_back(j);

  taylor_mlp made{.act = w.act, .order = o.order, .inputs = w.inputs, .outputs = w.outputs};
  made.sampled.assign(chosen.begin(), chosen.end()), made.plain.assign(others.begin(), others.end());
  made.rest = w.only(others);
  const auto size = static_cast<std::size_t>(w.outputs);
  std::vector<double> constant(w.down_bias.begin(), w.down_bias.end());
  if (!w.gated()) constant.resize(size);
  made.coefficients.resize(static_cast<std::size_t>(o.order) * chosen.size() * size);
  for (std::size_t s = 0; s < chosen.size(); ++s) {
    const index_t j = chosen[s];
    const int sign = w.gated() ? sign_of_neuron(coins, layer, j) : 1;
    const float point = rounded(ranges.point(j));
    made.point.push_back(static_cast<float>(sign) * point);
    for (index_t i = 0; i < w.inputs; ++i) made.first.push_back(static_cast<float>(sign) * w.first_of(j)[i]);
    if (w.gated()) made.up.insert(made.up.end(), w.up_of(j), w.up_of(j) + w.inputs);
    derivatives f = derivatives_at(w.act, static_cast<double>(point) + static_cast<double>(w.bias_of(j)));
    if (o.precision == release_precision::bf16)
      for (double& d : f) d = static_cast<double>(static_cast<float>(bf16(d)));
    const float* const down = w.down_of(j);
    for (std::size_t c = 0; c < size; ++c) {
      const auto weight = static_cast<double>(down[c]);
      if (w.gated())
        made.value.push_back(rounded(static_cast<float>(f[0] * weight)));
      else
        constant[c] += f[0] * weight;
      for (int n = 1; n <= o.order; ++n) {
        const double factor =
            sign < 0 && n % 2 == 1 ? -f[static_cast<std::size_t>(n)] : f[static_cast<std::size_t>(n)];
        made.coefficients[(static_cast<std::size_t>(n - 1) * chosen.size() + s) * size + c] =
            rounded(static_cast<float>(factor * weight));
      }
    }
  }
  for (const double c : constant) made.constant.push_back(rounded(static_cast<float>(c)));
  return made;
}

/// y of one x by the release alone, in double, as its formula stands.
inline std::vector<double> exact_release(const taylor_mlp& r, const float* x) {
  mlp_weights rest = r.rest;
  rest.down_bias = r.constant;
  std::vector<double> y = exact_mlp(rest, x);
  for (index_t j = 0; j < r.series(); ++j) {
    const double step = dot(r.first.data() + j * r.inputs, x, r.inputs) -
                        static_cast<double>(r.point[static_cast<std::size_t>(j)]);
    const double factor = r.gated() ? dot(r.up.data() + j * r.inputs, x, r.inputs) : 1.0;
    for (index_t o = 0; r.gated() && o < r.outputs; ++o)
      y[static_cast<std::size_t>(o)] +=
          factor * static_cast<double>(r.value[static_cast<std::size_t>(j * r.outputs + o)]);
    double power = factor;
    for (int n = 1; n <= r.order; ++n) {
      power *= step / n;
      for (index_t o = 0; o < r.outputs; ++o)
        y[static_cast<std::size_t>(o)] += power * static_cast<double>(r.coefficient(n, j)[o]);
    }
  }
  return y;
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
