// Releases of which only sums over groups of neurons are handed out (release/taylor_mlp.hpp, group > 1), neuron by neuron again:
//
//   T_alpha = sum_j Q_j^alpha T_{j,n}, n = |alpha|, is a symmetric tensor of rank g whose factors are orthogonal. Every matrix
//   M_beta,o = (T_{beta + e_a + e_b}[o])_{a,b} = Q^T diag_j(Q_j^beta T_{j,|beta|+2}[o]) Q         of every output o and every beta
// is diagonal in the same basis, the rows of Q: found by rotations of planes, in closed form each (Cardoso, Souloumiac, "Jacobi angles
// for simultaneous diagonalization", SIAM J. Matrix Anal. Appl., 1996), in double. Then T_{j,n} = sum over |alpha| = n of
// n!/alpha! Q_j^alpha T_alpha. Gated: the M of all rows i, and the direction P_j of what is left, of rank 1 in (i, outputs).
// What comes out is TaylorMLP's release of the same neurons (group = 1), with unknown signs: attack/extract_mlp.hpp finds them. It
// needs order 2 at least, and that the neurons' vectors are not all alike. An invertible Q that is not orthogonal would need one matrix
// more (Harshman, Jennrich) and hide no more.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <map>
#include <vector>

#include "spankey/release/taylor_mlp.hpp"

namespace spankey {

namespace separation {

/// A matrix (g, g) with room for most_group_size.
using square = std::array<double, most_group_size * most_group_size>;

/// Rows: the basis in which symmetric matrices are as diagonal as can be.
inline std::vector<double> common_basis(std::vector<square> all, std::size_t g) {
  std::vector<double> basis(g * g);
  for (std::size_t i = 0; i < g; ++i) basis[i * g + i] = 1;
  for (int sweep = 0; sweep < 60; ++sweep) {
    double largest = 0;
    for (std::size_t a = 0; a + 1 < g; ++a)
      for (std::size_t b = a + 1; b < g; ++b) {
        double on = 0, off = 0;
        for (const square& m : all) {
          const double difference = m[a * g + a] - m[b * g + b], both = m[a * g + b] + m[b * g + a];
          on += difference * difference - both * both, off += 2 * difference * both;
        }
        const double angle = 0.5 * std::atan2(off, on + std::hypot(on, off));
        if (!(std::abs(angle) > 1e-15)) continue;
        largest = std::max(largest, std::abs(angle));
        const double c = std::cos(angle), s = std::sin(angle);
        const auto turn = [&](double& x, double& y) {
          const double before = x;
          x = c * before + s * y, y = c * y - s * before;
        };
        for (square& m : all) {
          for (std::size_t i = 0; i < g; ++i) turn(m[i * g + a], m[i * g + b]);
          for (std::size_t i = 0; i < g; ++i) turn(m[a * g + i], m[b * g + i]);
        }
        for (std::size_t i = 0; i < g; ++i) turn(basis[a * g + i], basis[b * g + i]);
      }
    if (largest < 1e-14) break;
  }
  return basis;
}

/// Of some vectors of length g, the direction in which they are longest, by powers of their products.
inline std::array<double, most_group_size> main_direction(const std::vector<double>& vectors, std::size_t g) {
  square products{};
  for (std::size_t at = 0; at + g <= vectors.size(); at += g)
    for (std::size_t a = 0; a < g; ++a)
      for (std::size_t b = 0; b < g; ++b) products[a * g + b] += vectors[at + a] * vectors[at + b];
  std::array<double, most_group_size> u{};
  std::size_t longest = 0;
  for (std::size_t a = 0; a < g; ++a)
    if (products[a * g + a] > products[longest * g + longest]) longest = a;
  u[longest] = 1;
  for (int step = 0; step < 60; ++step) {
    std::array<double, most_group_size> next{};
    double length = 0;
    for (std::size_t a = 0; a < g; ++a) {
      for (std::size_t b = 0; b < g; ++b) next[a] += products[a * g + b] * u[b];
      length += next[a] * next[a];
    }
    if (!(length > 0)) break;
    for (std::size_t a = 0; a < g; ++a) u[a] = next[a] / std::sqrt(length);
  }
  return u;
}

class group_splitter {
 public:
  explicit group_splitter(const taylor_mlp& r)
      : r_(r),
        g_(static_cast<std::size_t>(r.group)),
        copies_(r.gated() ? r.group : 1),
        terms_(monomials(r.group, r.order)) {
    for (std::size_t t = 0; t < terms_.size(); ++t) number_.emplace(terms_[t].powers, t);
  }

  /// Adds the neurons of a group to a release of single ones.
  void split(index_t group, taylor_mlp& to) const {
    const std::vector<double> q = common_basis(slices(group), g_);
    std::vector<double> up_mix;
    for (std::size_t j = 0; j < g_; ++j) {
      const std::vector<double> series = contracted(group, q.data() + j * g_);
      std::array<double, most_group_size> p{1};
      if (r_.gated()) p = main_direction(series, g_);
      up_mix.insert(up_mix.end(), p.begin(), p.begin() + copies_);
      // (order + 1, outputs, copies); order 0 is of the gated form alone, and not yet of one neuron.
      const index_t neuron = group * r_.group + static_cast<index_t>(j);
      for (int n = 0; n <= r_.order; ++n) {
        if (n == 0 && !r_.gated()) continue;
        float* const out = n == 0 ? to.value.data() + neuron * r_.outputs
                                  : to.coefficients.data() + ((n - 1) * r_.series() + neuron) * r_.outputs;
        for (index_t o = 0; o < r_.outputs; ++o) {
          double sum = 0;
          for (index_t i = 0; i < copies_; ++i)
            sum += p[index(i)] * (n == 0 ? static_cast<double>(value_of(group, i, o))
                                         : series[index(((n - 1) * r_.outputs + o) * copies_ + i)]);
          out[o] = static_cast<float>(sum);
        }
      }
    }
    turn_rows(q, group, r_.first, r_.inputs, to.first);
    turn_rows(q, group, r_.point, 1, to.point);
    if (r_.gated()) turn_rows(up_mix, group, r_.up, r_.inputs, to.up);
  }

 private:
  static std::size_t index(index_t i) { return static_cast<std::size_t>(i); }
  [[nodiscard]] float value_of(index_t group, index_t i, index_t o) const {
    return r_.value[index((group * copies_ + i) * r_.outputs + o)];
  }
  [[nodiscard]] double coefficient(std::size_t term, index_t group, index_t i, index_t o) const {
    return static_cast<double>(r_.coefficient(static_cast<int>(term) + 1, group * copies_ + i)[o]);
  }
  // Every M_beta,o; each order as large as any other.
  [[nodiscard]] std::vector<square> slices(index_t group) const {
    std::vector<double> sizes(static_cast<std::size_t>(r_.order) + 1);
    for (std::size_t t = 0; t < terms_.size(); ++t)
      for (index_t i = 0; i < copies_; ++i)
        for (index_t o = 0; o < r_.outputs; ++o)
          sizes[static_cast<std::size_t>(terms_[t].degree)] += std::pow(coefficient(t, group, i, o), 2);
    std::vector<square> all;
    const auto add = [&](const monomial& beta) {
      const double size = sizes[static_cast<std::size_t>(beta.degree) + 2];
      if (!(size > 0)) return;
      std::array<std::size_t, most_group_size * most_group_size> term{};
      for (std::size_t a = 0; a < g_; ++a)
        for (std::size_t b = 0; b < g_; ++b) {
          monomial_powers powers = beta.powers;
          ++powers[a], ++powers[b];
          term[a * g_ + b] = number_.at(powers);
        }
      for (index_t i = 0; i < copies_; ++i)
        for (index_t o = 0; o < r_.outputs; ++o) {
          square m{};
          for (std::size_t at = 0; at < g_ * g_; ++at)
            m[at] = coefficient(term[at], group, i, o) / std::sqrt(size);
          all.push_back(m);
        }
    };
    if (r_.order >= 2) add({});
    for (const monomial& beta : terms_)
      if (beta.degree + 2 <= r_.order) add(beta);
    return all;
  }
  // (order, outputs, copies): what the orders 1, 2, ... are along q.
  [[nodiscard]] std::vector<double> contracted(index_t group, const double* q) const {
    std::vector<double> series(index(r_.order * r_.outputs * copies_));
    for (std::size_t t = 0; t < terms_.size(); ++t) {
      const double factor = multiplicity(terms_[t]) * power_of(q, terms_[t].powers);
      for (index_t o = 0; o < r_.outputs; ++o)
        for (index_t i = 0; i < copies_; ++i)
          series[index(((terms_[t].degree - 1) * r_.outputs + o) * copies_ + i)] +=
              factor * coefficient(t, group, i, o);
    }
    return series;
  }
  // Rows of a group turned by `basis` (g, g).
  void turn_rows(const std::vector<double>& basis, index_t group, const std::vector<float>& from,
                 index_t columns, std::vector<float>& to) const {
    for (std::size_t j = 0; j < g_; ++j)
      for (index_t c = 0; c < columns; ++c) {
        double sum = 0;
        for (std::size_t i = 0; i < g_; ++i)
          sum += basis[j * g_ + i] *
                 static_cast<double>(from[index((group * r_.group + static_cast<index_t>(i)) * columns + c)]);
        to.push_back(static_cast<float>(sum));
      }
  }

  const taylor_mlp& r_;
  std::size_t g_;
  index_t copies_;
  std::vector<monomial> terms_;
  std::map<monomial_powers, std::size_t> number_;
};

}  // namespace separation

/// The release of the same neurons one by one; in which order within a group, and with which signs, is not known.
inline taylor_mlp separated(const taylor_mlp& r) {
  taylor_mlp made{.act = r.act, .order = r.order, .inputs = r.inputs, .outputs = r.outputs};
  made.sampled = r.sampled, made.plain = r.plain, made.constant = r.constant, made.rest = r.rest;
  made.value.resize(r.value.size());
  made.coefficients.resize(static_cast<std::size_t>(r.order * r.series() * r.outputs));
  const separation::group_splitter splitter(r);
  for (index_t group = 0; group < r.series() / r.group; ++group) splitter.split(group, made);
  return made;
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
