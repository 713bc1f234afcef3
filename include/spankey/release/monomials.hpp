// Monomials of a few variables, u^alpha / alpha! for 1 <= |alpha| <= order, each one multiplication from an earlier one:
//
//   u^alpha / alpha! = (u^parent / parent!) u_variable / divisor           by degree; (order + g choose g) - 1 of them
// Of one variable they are the powers D^n / n! of a series. With D = q u, q of length g: D^n / n! = sum over |alpha| = n of
// q^alpha u^alpha / alpha!.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <array>
#include <cstddef>
#include <vector>

#include "spankey/release/activation_series.hpp"

namespace spankey {

inline constexpr int most_group_size = 4;
using monomial_powers = std::array<int, most_group_size>;

struct monomial {
  monomial_powers powers{};
  int degree = 0;
  int parent = -1;  // in the same list; -1: the constant 1
  int variable = 0, divisor = 1;
};

/// Of `variables` variables, 1 to most_group_size.
inline std::vector<monomial> monomials(int variables, int order) {
  std::vector<monomial> all;
  std::size_t begin = 0;
  for (int degree = 1; degree <= order; ++degree) {
    const std::size_t end = all.size();
    // A monomial's last variable is multiplied on last, so that each is made once.
    for (std::size_t p = begin; p < (degree == 1 ? begin + 1 : end); ++p) {
      const monomial from = degree == 1 ? monomial{} : all[p];
      for (int v = from.variable; v < variables; ++v) {
        monomial next = from;
        next.degree = degree, next.parent = degree == 1 ? -1 : static_cast<int>(p), next.variable = v;
        next.divisor = ++next.powers[static_cast<std::size_t>(v)];
        all.push_back(next);
      }
    }
    begin = end;
  }
  return all;
}

/// q^alpha
inline double power_of(const double* q, const monomial_powers& powers) {
  double product = 1;
  for (std::size_t v = 0; v < powers.size(); ++v)
    for (int n = 0; n < powers[v]; ++n) product *= q[v];
  return product;
}
/// n! / alpha!: how often a monomial is in the n-th power of a sum.
inline double multiplicity(const monomial& m) {
  double count = factorial(m.degree);
  for (const int n : m.powers) count /= factorial(n);
  return count;
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
