// Rescaling of keys: k <- k * s / (std(k) + 1e-8), standard deviation with n-1; the mean is kept, not subtracted.
//
// pooled   one std over the whole n x d tensor (the reference in training)
// per_key  one std for each of the n rows (a key then means the same alone and in a batch)
// Sums are taken in double over fixed blocks and added in block order: same bits for any number of threads.
// Source: docs/method.md, section 1.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <string_view>
#include <vector>

#include "spankey/core/choice.hpp"
#include "spankey/core/compiled.hpp"
#include "spankey/core/shape.hpp"
#include "spankey/key/row_selection.hpp"

namespace spankey {

enum class rescale_kind { pooled, per_key };

inline constexpr std::array<choice<rescale_kind>, 2> rescale_names{
    {{"pooled", rescale_kind::pooled}, {"per_key", rescale_kind::per_key}}};

/// Fails with key.103.
inline rescale_kind parse_rescale(std::string_view name) {
  return choose(rescale_names, name, "key.103", "rescale");
}
constexpr std::string_view name_of(rescale_kind kind) { return spelled(rescale_names, kind); }

/// Running sums of some elements.
struct moments {
  double count = 0, sum = 0, squares = 0;

  moments& operator+=(const moments& other) {
    count += other.count;
    sum += other.sum;
    squares += other.squares;
    return *this;
  }
  /// With n-1; needs count >= 2.
  [[nodiscard]] double standard_deviation() const {
    // Rounding can leave a constant key's variance a little below zero.
    return std::sqrt(std::max(0.0, squares - sum * sum / count) / (count - 1));
  }
};

/// The factor that gives elements with these moments the standard deviation `target`.
inline double rescale_factor(const moments& m, float target) {
  return static_cast<double>(target) / (m.standard_deviation() + 1e-8);
}

/// Replaces the moments of n keys by their factors: the same one n times (pooled), or one each.
SPANKEY_INLINE void rescale_factors(rescale_kind kind, float target, const moments* of_row, double* factors,
                                    index_t n);

/// Elements per task of the passes over keys; part of the order of summation.
inline constexpr index_t key_block = 4096;

/// Moments that row_moments needs as scratch.
constexpr index_t partial_moments(index_t n, index_t d) { return n * ((d + key_block - 1) / key_block); }

/// Moments of the selected rows of k (n x d), in their order. `partial` is scratch, grown when it is too small.
SPANKEY_INLINE void row_moments(const float* k, const row_selection& rows, index_t d, moments* of_row,
                                std::vector<moments>& partial);

/// Multiplies the selected rows of k (n x d), each with its factor; factors are in the order of the rows.
SPANKEY_INLINE void scale_rows(float* k, const row_selection& rows, index_t d, const double* factors);

}  // namespace spankey

#if !defined(SPANKEY_COMPILED)
#include "spankey/key/rescale.inl"
#endif
