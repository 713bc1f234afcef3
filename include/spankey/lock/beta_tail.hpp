// The lower tail of a Beta law, as bits: -log2 I_x(a, b), where I is the regularised incomplete beta function.
//
//   I_x(a, b) = x^a (1-x)^b / (a B(a, b)) * 1/(1 + c1/(1 + c2/(1 + ...)))     for x < (a+1)/(a+b+2), else by 1 - I_{1-x}(b, a)
// The continued fraction by Lentz's method; in logarithms, so that tails far below the smallest double have their bits. Of
// an isotropic vector in d dimensions the share of energy in q given ones is Beta(q/2, (d-q)/2). Source: Abramowitz and
// Stegun 26.5.8.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <cmath>

#include "spankey/core/error.hpp"
#include "spankey/core/shape.hpp"

namespace spankey {

/// ln I_x(a, b). Fails with lock.111 unless 0 < x < 1 and a, b > 0.
inline double log_beta_tail(double x, double a, double b) {
  if (!(x > 0 && x < 1 && a > 0 && b > 0))
    fail("lock.111", "log_beta_tail", "found x=", x, ", a=", a, ", b=", b,
         ", expected x between 0 and 1, and a and b above 0");
  if (x > (a + 1) / (a + b + 2)) return std::log1p(-std::exp(log_beta_tail(1 - x, b, a)));
  constexpr double tiny = 1e-300;
  double c = 1, d = 1 - (a + b) * x / (a + 1);
  d = 1 / (std::abs(d) < tiny ? tiny : d);
  double fraction = d;
  for (int m = 1; m <= 10000; ++m) {
    double change = 1;
    for (const bool even : {true, false}) {
      const double coefficient = even ? m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
                                      : -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
      d = 1 + coefficient * d;
      c = 1 + coefficient / c;
      d = 1 / (std::abs(d) < tiny ? tiny : d);
      c = std::abs(c) < tiny ? tiny : c;
      change = c * d;
      fraction *= change;
    }
    if (std::abs(change - 1) < 1e-15) break;
  }
  return a * std::log(x) + b * std::log1p(-x) - std::log(a) -
         (std::lgamma(a) + std::lgamma(b) - std::lgamma(a + b)) + std::log(fraction);
}

/// How many bits it takes to guess an isotropic key of d numbers whose energy share in q given directions is at most `share`.
inline double accepting_bits(double share, index_t q, index_t d) {
  return -log_beta_tail(share, static_cast<double>(q) / 2, static_cast<double>(d - q) / 2) / std::log(2.0);
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
