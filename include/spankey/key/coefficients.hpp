// Coefficients alpha = offset + spread z (n x m) of valid keys, z being
//   unit_cube   uniform in [-1, 1)^m; offset 0.5 and spread 0.5 unless said otherwise, so U[0, 1)^m (the reference)
//   gaussian    N(0, I_m)                                   offset 0, spread 1
//   sphere      uniform on the unit sphere of m dimensions  offset 0, spread 1
// With an offset, all keys share the direction of their mean, whatever the kind.
// Coefficient (sample s, j) is number base + s*m + j of the source. Overwrites. Source: docs/method.md, section 1.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "spankey/core/choice.hpp"
#include "spankey/core/compiled.hpp"
#include "spankey/core/random.hpp"
#include "spankey/core/shape.hpp"
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
SPANKEY_INLINE void draw_coefficients(const coefficient_law& law, index_t m, const random_source& source,
                                      std::uint64_t base, const row_selection& rows, float* alpha);

/// Subtracts from the m coefficients of one key their mean.
SPANKEY_INLINE void subtract_mean(float* alpha, index_t m);

}  // namespace spankey

#if !defined(SPANKEY_COMPILED)
#include "spankey/key/coefficients.inl"
#endif
