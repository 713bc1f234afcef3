// Derivatives of the smooth activations at a point, as coefficients of their Taylor series.
//
//   SiLU, GELU by its tanh   f = x s(v), s the logistic function of a polynomial v: with g = s(v), g' = g (1 - g) v', order by order
//   GELU                     f = x Phi(x): f' = Phi + x phi_0, f^(n) = x phi_{n-1} + n phi_{n-2}, phi_{n+1} = -x phi_n - n phi_{n-1}
// All three have f(x) - x/2 even: f(-x) = f(x) - x, so that f^(n)(-x) = (-1)^n f^(n)(x) for n >= 2. Everything is computed left
// of 0, where g is small and 1 - g exact, and mirrored: no digits are lost far to the right.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <array>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <string_view>

#include "spankey/backend/backend.hpp"
#include "spankey/core/choice.hpp"
#include "spankey/core/error.hpp"

namespace spankey {

inline constexpr int most_series_order = 12;
/// f, f', ..., f^(12).
using derivatives = std::array<double, most_series_order + 1>;

/// Activations that have a series; the names as files spell them.
inline constexpr std::array<choice<activation>, 3> smooth_activation_names{
    {{"silu", activation::silu}, {"gelu", activation::gelu}, {"gelu_tanh", activation::gelu_tanh}}};

constexpr bool is_smooth(activation act) {
  return act == activation::silu || act == activation::gelu || act == activation::gelu_tanh;
}

/// n!
constexpr double factorial(int n) { return n < 2 ? 1.0 : n * factorial(n - 1); }

namespace series {

// v of x s(v), as v(x + t) = v[0] + v[1] t + v[2] t^2 + v[3] t^3.
inline std::array<double, 4> exponent_at(activation act, double x) {
  if (act == activation::silu) return {x, 1, 0, 0};
  constexpr double slope = 1.5957691216057308;  // 2 sqrt(2 / pi)
  constexpr double cubic = 0.044715;
  return {slope * (x + cubic * x * x * x), slope * (1 + 3 * cubic * x * x), slope * 3 * cubic * x,
          slope * cubic};
}

inline derivatives of_logistic(activation act, double x) {
  const std::array<double, 4> v = exponent_at(act, x);
  // Coefficients of g and of g (1 - g).
  derivatives g{}, h{};
  const double e = std::exp(v[0]);
  g[0] = e / (1 + e);
  for (std::size_t n = 0; n < most_series_order; ++n) {
    h[n] = g[n];
    for (std::size_t k = 0; k <= n; ++k) h[n] -= g[k] * g[n - k];
    for (std::size_t m = 1; m < v.size() && m <= n + 1; ++m)
      g[n + 1] += h[n + 1 - m] * static_cast<double>(m) * v[m];
    g[n + 1] /= static_cast<double>(n + 1);
  }
  derivatives f{};
  for (std::size_t n = 0; n < f.size(); ++n)
    f[n] = factorial(static_cast<int>(n)) * (x * g[n] + (n > 0 ? g[n - 1] : 0.0));
  return f;
}

inline derivatives of_normal(double x) {
  derivatives density{};
  density[0] = std::exp(-x * x / 2) / std::sqrt(2 * std::numbers::pi);
  for (std::size_t n = 0; n < most_series_order; ++n)
    density[n + 1] = -x * density[n] - (n > 0 ? static_cast<double>(n) * density[n - 1] : 0.0);
  const double share = std::erfc(-x / std::numbers::sqrt2) / 2;
  derivatives f{};
  f[0] = x * share;
  f[1] = share + x * density[0];
  for (std::size_t n = 2; n < f.size(); ++n)
    f[n] = x * density[n - 1] + static_cast<double>(n) * density[n - 2];
  return f;
}

}  // namespace series

/// Fails with release.101 for an activation that has no series.
inline derivatives derivatives_at(activation act, double x) {
  if (!is_smooth(act))
    fail("release.101", "derivatives_at", "found activation ", static_cast<int>(act),
         ", expected silu, gelu or gelu_tanh");
  const double left = -std::abs(x);
  derivatives f = act == activation::gelu ? series::of_normal(left) : series::of_logistic(act, left);
  if (x <= 0) return f;
  f[0] += x;
  f[1] = 1 - f[1];
  for (std::size_t n = 3; n < f.size(); n += 2) f[n] = -f[n];
  return f;
}

/// sum over n <= order of f^(n) step^n / n!
inline double taylor_sum(const derivatives& f, int order, double step) {
  double sum = 0;
  for (int n = order; n >= 0; --n) sum = sum * step + f[static_cast<std::size_t>(n)] / factorial(n);
  return sum;
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
