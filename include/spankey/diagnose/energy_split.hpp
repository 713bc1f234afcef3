// How much of the energy of keys lies in the span of valid ones, and what a gate that looked at nothing else would accept.
//
//   rho(k) = |Q k|^2 / |k|^2        Q (m, d) orthonormal rows of the span
// A valid key has 1; of isotropic keys rho is Beta(m/2, (d-m)/2), of mean m/d. distance: the largest difference between the
// distribution of the shares that were found and that law (Kolmogorov and Smirnov). Of n isotropic keys it exceeds
// isotropic_limit(n) once in a hundred times: above it they are not, or the basis is not what it should be.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <cmath>
#include <vector>

#include "spankey/core/error.hpp"
#include "spankey/lock/beta_tail.hpp"

namespace spankey {

struct energy_split {
  index_t keys = 0;
  double mean = 0, least = 0, most = 0;
  double distance = 0;  // 0 to 1
};

/// P(rho <= share) of isotropic keys of d numbers and a span of m dimensions; 0 < m < d.
inline double isotropic_law(double share, index_t m, index_t d) {
  if (share <= 0) return 0;
  if (share >= 1) return 1;
  return std::exp(log_beta_tail(share, static_cast<double>(m) / 2, static_cast<double>(d - m) / 2));
}

/// The distance that n isotropic keys exceed once in a hundred times (asymptotic; n >= 30).
inline double isotropic_limit(index_t n) { return 1.628 / std::sqrt(static_cast<double>(n)); }

/// Of shares of energy in a span (subspace::energy_share). Fails with diagnose.101 without shares, with diagnose.102 unless
/// 0 < m < d.
inline energy_split split_energy(std::vector<double> shares, index_t m, index_t d) {
  if (shares.empty()) fail("diagnose.101", "split_energy", "found no keys, expected at least 1");
  if (m < 1 || m >= d)
    fail("diagnose.102", "split_energy", "found a span of ", m, " of ", d, " dimensions, expected 1 to ",
         d - 1);
  std::sort(shares.begin(), shares.end());
  const auto n = static_cast<double>(shares.size());
  energy_split found{
      .keys = static_cast<index_t>(shares.size()), .least = shares.front(), .most = shares.back()};
  for (std::size_t i = 0; i < shares.size(); ++i) {
    const double law = isotropic_law(shares[i], m, d), below = static_cast<double>(i) / n;
    found.mean += shares[i] / n;
    found.distance = std::max({found.distance, law - below, below + 1 / n - law});
  }
  return found;
}

/// The gate that accepts a key where 1 - rho <= limit: -log2 of the share of isotropic keys that it accepts.
/// Fails with lock.111 unless 0 < limit < 1 and 0 < m < d.
inline double residual_gate_bits(double limit, index_t m, index_t d) {
  return accepting_bits(limit, d - m, d);
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
