// TaylorMLP: an MLP whose chosen neurons are handed out as series around a point each, with W_down multiplied into the
// coefficients, instead of their weights (Yang et al., "Tailoring large language models for release", 2506.19874).
//
//   D_j = W~_j x - z~_j           W~ = p_j W_first, z~ = p_j z_j, z_j the middle of the neuron's range on calibration data
//   gated     y = b + sum_j (W_up[j] x) (a_j + sum_n D_j^n / n! T_{j,n})    a_j = f(e_j) W_down[j], T_{j,n} = p_j^n f^(n)(e_j) W_down[j]
//   ungated   y = c + sum_j sum_n D_j^n / n! T_{j,n}                        c = b + sum_j f(e_j) W_down[j], p_j = 1
// and the other neurons as they are. e_j = z_j + b_first[j]: this bias is in nothing that is released. (The published code takes
// derivatives at z_j without it: its outputs differ.) p_j = +-1 is drawn: the one secret of the gated form. Which neurons: those
// whose series errs least, by the width of their range (`share`), and of them those that keep an error budget. In bf16 every number that is
// handed out is rounded, once. (The published code rounds what it computes them from as well, and errs more.)
//
// `group` g > 1: neurons lie g by g, and only sums over a group are handed out, of no neuron anything of its own:
//   u = Q^T (W_first x - z), v = P^T (W_up x)     Q, P (g, g) drawn orthogonal matrices of the group; D_j = sum_i Q_ji u_i
//   T_alpha = sum_j Q_j^alpha f^(n)(e_j) W_down[j], n = |alpha|: sum_j D_j^n / n! T_{j,n} = sum_{|alpha| = n} u^alpha / alpha! T_alpha
//   gated: T_{i,alpha} = sum_j P_ji Q_j^alpha ..., times v_i u^alpha / alpha!, a_i = sum_j P_ji a_j
// The same function, at the cost of (g + order choose g) - 1 vectors a group instead of g order (gated: g times as many and g).
// Of a group of one it is the formula above: Q = p, P = 1. What became of it: attack/separate_groups.hpp.
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
#include "spankey/release/monomials.hpp"

namespace spankey {

enum class release_precision : unsigned char { fp32, bf16 };
inline constexpr std::array<choice<release_precision>, 2> release_precision_names{
    {{"fp32", release_precision::fp32}, {"bf16", release_precision::bf16}}};

struct taylor_options {
  int order = 8;
  double share = 0.7;  // of the neurons: those of the narrowest ranges
  double budget = 0;   // above 0: of these, those whose series errs at most so much over its range
  release_precision precision = release_precision::fp32;
  int group = 1;  // neurons whose sums alone are handed out
};

/// What is released of one MLP.
struct taylor_mlp {
  activation act = activation::gelu_tanh;
  int order = 8, group = 1;
  index_t inputs = 0, outputs = 0;
  std::vector<std::int64_t> sampled{}, plain{};  // numbers of the neurons that are series, and of the others
  std::vector<float> first{}, up{};              // (S, inputs): W~, and W_up where gated
  std::vector<float> point{};                    // (S): z~
  std::vector<float> value{};                    // (S, outputs): a, where gated
  std::vector<float> constant{};                 // (outputs): c; of the gated form b, or empty
  std::vector<float> coefficients{};             // (monomials, rows, outputs): T of order 1, 2, ...
  mlp_weights rest{};                            // the others, raw; no b_down

  [[nodiscard]] bool gated() const { return !up.empty() || !rest.up.empty(); }
  [[nodiscard]] index_t series() const { return static_cast<index_t>(sampled.size()); }
  [[nodiscard]] index_t hidden() const { return series() + rest.hidden; }
  /// Rows of coefficients: what a monomial is multiplied with, one a neuron, or one a group where it is ungated.
  [[nodiscard]] index_t rows() const { return gated() ? series() : series() / group; }
  /// Of the n-th monomial (release/monomials.hpp), from 1: in groups of one, of order n.
  [[nodiscard]] const float* coefficient(int n, index_t row) const {
    return coefficients.data() + ((n - 1) * rows() + row) * outputs;
  }
  /// Multiplications of one x.
  [[nodiscard]] double products() const {
    const double in = static_cast<double>(hidden() * inputs) * (gated() ? 2 : 1);
    const auto vectors = value.size() + coefficients.size();
    return in + static_cast<double>(vectors) + static_cast<double>(outputs * rest.hidden);
  }
};

/// Numbers of the neurons that become series, rising; as many as fill groups. Fails with release.103 for options out of range, or
/// ranges of other neurons.
inline std::vector<index_t> chosen_neurons(const mlp_weights& w, const neuron_ranges& ranges,
                                           const taylor_options& o) {
  if (o.order < 0 || o.order > most_series_order || !(o.share >= 0 && o.share <= 1) || !(o.budget >= 0) ||
      o.group < 1 || o.group > most_group_size)
    fail("release.103", "taylor", "found order ", o.order, ", share ", o.share, ", budget ", o.budget,
         ", groups of ", o.group, ", expected an order of 0 to ", most_series_order,
         ", a share of 0 to 1, a budget of at least 0, groups of 1 to ", most_group_size);
  if (static_cast<index_t>(ranges.least.size()) != w.hidden)
    fail("release.103", "taylor", "found ranges of ", ranges.least.size(), " neurons, expected those of ",
         w.hidden);
  std::vector<index_t> order(static_cast<std::size_t>(w.hidden));
  std::iota(order.begin(), order.end(), index_t{0});
  if (o.budget > 0)
    std::erase_if(order, [&](index_t j) { return !(series_error(w, ranges, j, o.order) <= o.budget); });
  std::stable_sort(order.begin(), order.end(),
                   [&](index_t a, index_t b) { return ranges.half_gap(a) < ranges.half_gap(b); });
  const auto most = static_cast<std::size_t>(std::llround(o.share * static_cast<double>(w.hidden)));
  order.resize(std::min(order.size(), most));
  order.resize(order.size() - order.size() % static_cast<std::size_t>(o.group));
  std::sort(order.begin(), order.end());
  return order;
}

/// The sign of a gated neuron: of the owner's coins, a layer and a neuron.
inline int sign_of_neuron(std::uint64_t coins, std::uint64_t layer, index_t neuron) {
  return (random_source(coins, stream::release, layer).bits(static_cast<std::uint64_t>(neuron)) & 1U) != 0
             ? -1
             : 1;
}

/// (g, g), g at most most_group_size: a drawn orthogonal matrix of a group's, `which` of the two; of one neuron its sign, and 1.
inline std::vector<double> group_mix(std::uint64_t coins, std::uint64_t layer, index_t first_neuron, int g,
                                     int which) {
  const auto size = static_cast<std::size_t>(g);
  if (g == 1) return {which == 0 ? static_cast<double>(sign_of_neuron(coins, layer, first_neuron)) : 1.0};
  const random_source source(coins, stream::release, layer);
  std::vector<double> q(size * size);
  // Beyond the numbers that signs are drawn by.
  auto next = (std::uint64_t{1} << 32) + static_cast<std::uint64_t>(first_neuron) * 64 +
              static_cast<std::uint64_t>(which) * 32;
  for (std::size_t row = 0; row < size; ++row) {
    double length = 0;
    for (std::size_t i = 0; i < size; ++i) q[row * size + i] = source.gaussian(next++);
    for (std::size_t before = 0; before < row; ++before) {
      double along = 0;
      for (std::size_t i = 0; i < size; ++i) along += q[row * size + i] * q[before * size + i];
      for (std::size_t i = 0; i < size; ++i) q[row * size + i] -= along * q[before * size + i];
    }
    for (std::size_t i = 0; i < size; ++i) length += q[row * size + i] * q[row * size + i];
    for (std::size_t i = 0; i < size; ++i) q[row * size + i] /= std::sqrt(length);
  }
  return q;
}

namespace release_parts {

// to += rows (g, columns) mixed by q^T.
inline void add_mixed(const std::vector<double>& q, const std::vector<const float*>& rows, index_t columns,
                      std::vector<float>& to) {
  const std::size_t g = rows.size();
  for (std::size_t i = 0; i < g; ++i)
    for (index_t c = 0; c < columns; ++c) {
      double sum = 0;
      for (std::size_t j = 0; j < g; ++j) sum += q[j * g + i] * static_cast<double>(rows[j][c]);
      to.push_back(static_cast<float>(sum));
    }
}

}  // namespace release_parts

/// Errors: those of chosen_neurons, release.102.
inline taylor_mlp release_taylor(const mlp_weights& w, const neuron_ranges& ranges, const taylor_options& o,
                                 std::uint64_t coins, std::uint64_t layer) {
  require_sound(w);
  const std::vector<index_t> chosen = chosen_neurons(w, ranges, o);
  std::vector<index_t> others{};
  for (index_t j = 0; j < w.hidden; ++j)
    if (!std::binary_search(chosen.begin(), chosen.end(), j)) others.push_back(j);
  const auto rounded = [&](float x) {
    return o.precision == release_precision::bf16 ? static_cast<float>(bf16(x)) : x;
  };

  taylor_mlp made{.act = w.act, .order = o.order, .group = o.group, .inputs = w.inputs, .outputs = w.outputs};
  made.sampled.assign(chosen.begin(), chosen.end()), made.plain.assign(others.begin(), others.end());
  made.rest = w.only(others);
  const auto size = static_cast<std::size_t>(w.outputs), g = static_cast<std::size_t>(o.group);
  const std::vector<monomial> terms = monomials(o.group, o.order);
  std::vector<double> constant(w.down_bias.begin(), w.down_bias.end());
  if (!w.gated()) constant.resize(size);
  const std::size_t copies = w.gated() ? g : 1, rows = chosen.size() / g * copies;
  made.coefficients.resize(terms.size() * rows * size);
  if (w.gated()) made.value.resize(chosen.size() * size);
  for (std::size_t first = 0; first < chosen.size(); first += g) {
    const std::vector<double> p = group_mix(coins, layer, chosen[first], o.group, 1),
                              q = w.gated() || g > 1 ? group_mix(coins, layer, chosen[first], o.group, 0)
                                                     : std::vector<double>{1};
    std::vector<const float*> gates, ups, downs;
    std::vector<float> points;
    std::vector<const float*> of_points;
    std::vector<derivatives> f;
    for (std::size_t j = first; j < first + g; ++j) {
      gates.push_back(w.first_of(chosen[j])), downs.push_back(w.down_of(chosen[j]));
      if (w.gated()) ups.push_back(w.up_of(chosen[j]));
      // Of one neuron the point that is handed out, so that rounding it costs nothing.
      points.push_back(g == 1 ? rounded(ranges.point(chosen[j])) : ranges.point(chosen[j]));
      f.push_back(derivatives_at(
          w.act, static_cast<double>(points.back()) + static_cast<double>(w.bias_of(chosen[j]))));
    }
    for (const float& x : points) of_points.push_back(&x);
    release_parts::add_mixed(q, gates, w.inputs, made.first);
    release_parts::add_mixed(q, of_points, 1, made.point);
    if (w.gated()) release_parts::add_mixed(p, ups, w.inputs, made.up);
    // sum over the group of factor(j) W_down[j]
    const auto add = [&](float* to, auto&& factor) {
      for (std::size_t c = 0; c < size; ++c) {
        double sum = 0;
        for (std::size_t j = 0; j < g; ++j) sum += factor(j) * static_cast<double>(downs[j][c]);
        to[c] = static_cast<float>(sum);
      }
    };
    for (std::size_t i = 0; i < copies; ++i) {
      const std::size_t row = first / g * copies + i;
      const auto through = [&](std::size_t j) { return w.gated() ? p[j * g + i] : 1.0; };
      if (w.gated()) add(made.value.data() + row * size, [&](std::size_t j) { return through(j) * f[j][0]; });
      for (std::size_t t = 0; t < terms.size(); ++t)
        add(made.coefficients.data() + (t * rows + row) * size, [&](std::size_t j) {
          return through(j) * power_of(q.data() + j * g, terms[t].powers) *
                 f[j][static_cast<std::size_t>(terms[t].degree)];
        });
    }
    for (std::size_t j = 0; !w.gated() && j < g; ++j)
      for (std::size_t c = 0; c < size; ++c) constant[c] += f[j][0] * static_cast<double>(downs[j][c]);
  }
  for (const double c : constant) made.constant.push_back(static_cast<float>(c));
  for (std::vector<float>* all :
       {&made.first, &made.up, &made.point, &made.value, &made.constant, &made.coefficients, &made.rest.first,
        &made.rest.up, &made.rest.down, &made.rest.first_bias})
    for (float& x : *all) x = rounded(x);
  return made;
}

/// y of one x by the release alone, in double, as its formula stands.
inline std::vector<double> exact_release(const taylor_mlp& r, const float* x) {
  mlp_weights rest = r.rest;
  rest.down_bias = r.constant;
  std::vector<double> y = exact_mlp(rest, x);
  const auto add = [&](double factor, const float* vector) {
    for (index_t o = 0; o < r.outputs; ++o)
      y[static_cast<std::size_t>(o)] += factor * static_cast<double>(vector[o]);
  };
  const std::vector<monomial> terms = monomials(r.group, r.order);
  std::vector<double> u;
  for (index_t j = 0; j < r.series(); ++j)
    u.push_back(dot(r.first.data() + j * r.inputs, x, r.inputs) -
                static_cast<double>(r.point[static_cast<std::size_t>(j)]));
  for (index_t row = 0; row < r.rows(); ++row) {
    const double factor = r.gated() ? dot(r.up.data() + row * r.inputs, x, r.inputs) : 1.0;
    const double* const of_group = u.data() + (r.gated() ? row / r.group * r.group : row * r.group);
    if (r.gated()) add(factor, r.value.data() + row * r.outputs);
    for (std::size_t t = 0; t < terms.size(); ++t) {
      double term = factor * multiplicity(terms[t]) / factorial(terms[t].degree);
      for (int v = 0; v < r.group; ++v)
        for (int n = 0; n < terms[t].powers[static_cast<std::size_t>(v)]; ++n) term *= of_group[v];
      add(term, r.coefficient(static_cast<int>(t) + 1, row));
    }
  }
  return y;
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
