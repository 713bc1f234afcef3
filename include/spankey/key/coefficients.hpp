// Coefficients alpha = offset + spread z (n x m) of valid keys, z being
//   unit_cube   uniform in [-1, 1)^m; offset 0.5 and spread 0.5 unless said otherwise, so U[0, 1)^m (the reference)
//   gaussian    N(0, I_m)                                   offset 0, spread 1
//   sphere      uniform on the unit sphere of m dimensions  offset 0, spread 1
// With an offset, all keys share the direction of their mean, whatever the kind.
// Coefficient (sample s, j) is number base + s*m + j of the source. Overwrites. Source: docs/method.md, section 1.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <string_view>

#include "spankey/core/choice.hpp"
#include "spankey/core/random.hpp"
#include "spankey/core/shape.hpp"
#include "spankey/key/gaussian.hpp"
#include "spankey/key/row_selection.hpp"

namespace spankey {

enum class coefficient_kind { unit_cube, gaussian, sphere };

inline constexpr std::array<choice<coefficient_kind>, 3> coefficient_names{
    {{"unit_cube", coefficient_kind::unit_cube},
     {"gaussian", coefficient_kind::gaussian},
     {"sphere", coefficient_kind::sphere}}};

/// Fails with key.102.
inline coefficient_kind parse_coefficients(std::string_view name) {
  return choose(coefficient_names, name, "key.102", "coefficients");
}
constexpr std::string_view name_of(coefficient_kind kind) { return spelled(coefficient_names, kind); }

/// How coefficients are distributed.
struct coefficient_law {
  coefficient_kind kind = coefficient_kind::unit_cube;
  double offset = 0.5, spread = 0.5;
};

/// The law of a kind without an offset or spread of its own.
constexpr coefficient_law default_law(coefficient_kind kind) {
  if (kind == coefficient_kind::unit_cube) return {kind, 0.5, 0.5};
  return {kind, 0, 1};
}

/// The m coefficients of one key, times `factor`.
inline void scale_coefficients(float* alpha, index_t m, double factor) {
  for (index_t j = 0; j < m; ++j) alpha[j] = static_cast<float>(static_cast<double>(alpha[j]) * factor);
}

/// Coefficients of the selected samples, m each, in the order of the selection.
inline void draw_coefficients(const coefficient_law& law, index_t m, const random_source& source,
                              std::uint64_t base, const row_selection& rows, float* alpha) {
  rows.for_each_run([&](index_t position, index_t sample, index_t count) {
    float* const a = alpha + position * m;
    const std::uint64_t first = base + static_cast<std::uint64_t>(sample * m);
    if (law.kind != coefficient_kind::unit_cube) {
      fill_gaussian(source, first, a, count * m);
      return;
    }
    for (index_t i = 0; i < count * m; ++i) {
      const double z = 2 * source.uniform(first + static_cast<std::uint64_t>(i)) - 1;
      a[i] = static_cast<float>(law.offset + law.spread * z);
    }
  });
  if (law.kind == coefficient_kind::unit_cube) return;
  for (index_t row = 0; row < rows.size() && law.kind == coefficient_kind::sphere; ++row) {
    float* const a = alpha + row * m;
    double squares = 0;
    for (index_t j = 0; j < m; ++j) squares += static_cast<double>(a[j]) * static_cast<double>(a[j]);
    scale_coefficients(a, m, 1 / std::sqrt(squares));
  }
  for (index_t i = 0; i < rows.size() * m; ++i)
    alpha[i] = static_cast<float>(law.offset + law.spread * static_cast<double>(alpha[i]));
}

/// Subtracts from the m coefficients of one key their mean.
inline void subtract_mean(float* alpha, index_t m) {
  double mean = 0;
  for (index_t j = 0; j < m; ++j) mean += static_cast<double>(alpha[j]) / static_cast<double>(m);
  for (index_t j = 0; j < m; ++j) alpha[j] = static_cast<float>(static_cast<double>(alpha[j]) - mean);
}

}  // namespace spankey
