// The subspace of one site: basis B (m x d), and Q (m x d) with orthonormal rows and the same span.
//
//   combine       k = alpha B                      alpha (n x m) -> k (n x d), overwrites; add_combined: k += alpha B
//   project_out   k <- k - (k Q^T) Q               in place, n x d
//   energy_share  |Q k|^2 / |k|^2                  1 in the span, 0 in its complement
// uniform: B_ij ~ U[-1/sqrt(m), 1/sqrt(m)].  orthonormal: the rows of a Gaussian matrix, orthonormalised.
// Keys are numbered in file order (C, H, W), activations lie in memory order (H, W, C): columns are permuted
// once, here, so that keys come out ready for injection. Decompositions and sums over d are done in double.
// Source: docs/method.md, section 1. B is a secret: its memory is wiped, no error shows a value of it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "spankey/core/choice.hpp"
#include "spankey/core/compiled.hpp"
#include "spankey/core/random.hpp"
#include "spankey/core/secret.hpp"
#include "spankey/core/shape.hpp"
#include "spankey/key/rescale.hpp"
#include "spankey/key/row_selection.hpp"

namespace spankey {

enum class basis_kind { uniform, orthonormal };

inline constexpr std::array<choice<basis_kind>, 2> basis_names{
    {{"uniform", basis_kind::uniform}, {"orthonormal", basis_kind::orthonormal}}};

/// Fails with key.101.
inline basis_kind parse_basis(std::string_view name) { return choose(basis_names, name, "key.101", "basis"); }
constexpr std::string_view name_of(basis_kind kind) { return spelled(basis_names, kind); }

/// 1 <= m <= d, else key.105 or key.106.
SPANKEY_INLINE void require_dimensions(std::string_view where, index_t m, index_t d);

/// Orthonormalises the m rows of w (m x d), in place: the Q of a QR decomposition whose R has a positive diagonal.
/// Returns min R_ii / max R_ii: 0 where the rows are not finite or do not span m dimensions. Gram-Schmidt in panels,
/// over all rows, twice: the first sweep may lose orthogonality by the condition of w, the second gains it back.
SPANKEY_INLINE double orthonormalise(secret_vector<double>& w, index_t m, index_t d);

/// A basis (m x d, rows in file order). uniform: element (i, j) is number i*d + j of the source.
SPANKEY_INLINE secret_vector<float> draw_basis(basis_kind kind, index_t m, index_t d,
                                               const random_source& source);

class subspace {
 public:
  /// From m rows in file order; row i starts at file_rows + i*row_stride and its first shape.size() elements
  /// count, so a longer basis gives its prefix columns. Fails with key.105, key.106, or key.113 (rows that
  /// are linearly dependent or not finite).
  SPANKEY_INLINE subspace(const extents& shape, index_t m, const float* file_rows, index_t row_stride);
  SPANKEY_INLINE subspace(const extents& shape, index_t m, const secret_vector<float>& file_rows);

  [[nodiscard]] const extents& shape() const { return shape_; }
  [[nodiscard]] index_t dimension() const { return m_; }
  [[nodiscard]] index_t size() const { return d_; }
  /// B and Q (m x d), rows in memory order.
  [[nodiscard]] const float* basis() const { return basis_.data(); }
  [[nodiscard]] const float* orthonormal_basis() const { return orthonormal_.data(); }
  /// B B^T (m x m) and B 1 (m), in double.
  [[nodiscard]] const double* gram() const { return gram_.data(); }
  [[nodiscard]] const double* row_sums() const { return row_sum_.data(); }

  /// B (m x d), rows in file order, for saving.
  [[nodiscard]] SPANKEY_INLINE secret_vector<float> basis_in_file_order() const;

  /// Selected rows of out (n x d, memory order) = alpha B; alpha has m elements a row, in the order of the rows.
  SPANKEY_INLINE void combine(const float* alpha, const row_selection& rows, float* out) const;
  /// The same, added to what the rows hold.
  SPANKEY_INLINE void add_combined(const float* alpha, const row_selection& rows, float* out) const;

  /// Moments of the d elements of alpha B, without forming it: alpha (B 1) and alpha (B B^T) alpha^T.
  [[nodiscard]] SPANKEY_INLINE moments combined_moments(const float* alpha) const;

  /// Elements of scratch that project_out needs for n keys.
  [[nodiscard]] index_t projection_size(index_t n) const {
    return (n + packed_block) * m_ * blocks(projection_block);
  }
  /// Removes from the selected keys (n x d, memory order) their component in the span. `scratch` is grown when
  /// needed.
  SPANKEY_INLINE void project_out(float* keys, const row_selection& rows,
                                  secret_vector<float>& scratch) const;
  SPANKEY_INLINE void project_out(float* keys, const row_selection& rows) const;

  /// Share of the energy of one key (d, memory order) that lies in the span; 0 for the zero key.
  [[nodiscard]] SPANKEY_INLINE double energy_share(const float* key) const;

 private:
  // Columns per task, of which m = 32 rows stay in the first cache; and, where columns are summed over, per task
  // and per product (part of the order of summation).
  static constexpr index_t column_block = 256;
  static constexpr index_t projection_block = 2048;
  static constexpr index_t packed_block = 128;

  // Calls f(position, row, rows, first column, columns) in parallel for pieces that cover the selected rows.
  template <class F>
  void for_each_piece(const row_selection& rows, const F& f) const;

  // gram_ = B B^T and row_sum_ = B 1, from B in double.
  SPANKEY_INLINE void sum_products(const secret_vector<double>& rows);

  [[nodiscard]] index_t blocks(index_t width) const { return (d_ + width - 1) / width; }
  [[nodiscard]] std::size_t at(index_t i, index_t j) const { return static_cast<std::size_t>(i * d_ + j); }

  extents shape_;
  index_t m_, d_;
  secret_vector<float> basis_, orthonormal_;
  secret_vector<double> gram_, row_sum_;
};

}  // namespace spankey

#if !defined(SPANKEY_COMPILED)
#include "spankey/key/subspace.inl"
#endif
