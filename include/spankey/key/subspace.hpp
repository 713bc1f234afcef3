// The subspace of one site: basis B (m x d), and Q (m x d) with orthonormal rows and the same span.
//
//   combine       k = alpha B                      alpha (n x m) -> k (n x d), overwrites
//   project_out   k <- k - (k Q^T) Q               in place, n x d
//   energy_share  |Q k|^2 / |k|^2                  1 in the span, 0 in its complement
// uniform: B_ij ~ U[-1/sqrt(m), 1/sqrt(m)].  orthonormal: rows from a Householder QR of a Gaussian d x m
// matrix. Keys are numbered in file order (C, H, W), activations lie in memory order (H, W, C): columns are
// permuted once, here, so that keys come out ready for injection. Decompositions and sums over d are done in
// double. Source: docs/method.md, section 1. B is a secret: its memory is wiped, no error shows a value
// of it.
#pragma once

#include <Eigen/Core>
#include <Eigen/QR>
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "spankey/backend/cpu/parallel.hpp"
#include "spankey/core/error.hpp"
#include "spankey/core/random.hpp"
#include "spankey/core/shape.hpp"
#include "spankey/key/choice.hpp"
#include "spankey/key/gaussian.hpp"
#include "spankey/key/rescale.hpp"
#include "spankey/key/secret.hpp"

namespace spankey {

enum class basis_kind { uniform, orthonormal };

inline constexpr std::array<choice<basis_kind>, 2> basis_names{
    {{"uniform", basis_kind::uniform}, {"orthonormal", basis_kind::orthonormal}}};

/// Fails with key.101.
inline basis_kind parse_basis(std::string_view name) { return choose(basis_names, name, "key.101", "basis"); }
constexpr std::string_view name_of(basis_kind kind) { return spelled(basis_names, kind); }

/// 1 <= m <= d, else key.105 or key.106.
inline void require_dimensions(std::string_view where, index_t m, index_t d) {
  if (m < 1) fail("key.105", where, "expected a subspace dimension of at least 1, found m=", m);
  if (m > d)
    fail("key.106", where, "subspace dimension m=", m, " exceeds the d=", d, " elements of the site");
}

/// Orthonormalises the m columns of w (d x m, column after column), in place, with the signs that make R's
/// diagonal positive. Returns min |R_ii| / max |R_ii|: 0 (or NaN) where the columns do not span m dimensions.
inline double orthonormalise(secret_vector<double>& w, index_t m, index_t d) {
  using matrix = Eigen::Map<Eigen::MatrixXd, Eigen::Aligned64>;
  matrix a(w.data(), d, m);
  Eigen::HouseholderQR<Eigen::Ref<Eigen::MatrixXd>> qr(a);
  secret_vector<double> thin(w.size());
  matrix q(thin.data(), d, m);
  q.setIdentity();
  q.applyOnTheLeft(qr.householderQ());
  const auto r = a.diagonal();
  for (index_t i = 0; i < m; ++i) {
    if (r(i) < 0) q.col(i) *= -1;
  }
  const double ratio = r.cwiseAbs().minCoeff() / r.cwiseAbs().maxCoeff();
  const bool finite = r.allFinite();
  w.swap(thin);
  return finite ? ratio : 0;
}

/// A basis (m x d, rows in file order). uniform: element (i, j) is number i*d + j of the source.
inline secret_vector<float> draw_basis(basis_kind kind, index_t m, index_t d, const random_source& source) {
  require_dimensions("basis", m, d);
  secret_vector<float> rows(static_cast<std::size_t>(m * d));
  const double scale = 1 / std::sqrt(static_cast<double>(m));
  parallel_for(m, [&](index_t i) {
    float* const row = rows.data() + i * d;
    const auto first = static_cast<std::uint64_t>(i * d);
    if (kind == basis_kind::orthonormal) {
      fill_gaussian(source, first, row, d);
    } else {
      for (index_t j = 0; j < d; ++j) {
        row[j] = static_cast<float>((2 * source.uniform(first + static_cast<std::uint64_t>(j)) - 1) * scale);
      }
    }
  });
  if (kind == basis_kind::orthonormal) {
    secret_vector<double> w(rows.begin(), rows.end());
    orthonormalise(w, m, d);
    std::transform(w.begin(), w.end(), rows.begin(), [](double value) { return static_cast<float>(value); });
  }
  return rows;
}

class subspace {
 public:
  /// From m rows in file order; row i starts at file_rows + i*row_stride and its first shape.size() elements
  /// count, so a longer basis gives its prefix columns. Fails with key.105, key.106, or key.113 (rows that
  /// are linearly dependent or not finite).
  subspace(const extents& shape, index_t m, const float* file_rows, index_t row_stride)
      : shape_(shape), m_(m), d_(shape.size()) {
    require_dimensions("subspace", m, d_);
    const auto size = static_cast<std::size_t>(m * d_);
    basis_.resize(size);
    for (index_t i = 0; i < m; ++i) {
      for (index_t j = 0; j < d_; ++j) basis_[at(i, j)] = file_rows[i * row_stride + file_index(shape, j)];
    }
    secret_vector<double> w(basis_.begin(), basis_.end());
    {
      const Eigen::Map<const Eigen::MatrixXd, Eigen::Aligned64> columns(w.data(), d_, m);
      gram_.resize(static_cast<std::size_t>(m * m));
      row_sum_.resize(static_cast<std::size_t>(m));
      Eigen::Map<Eigen::MatrixXd>(gram_.data(), m, m).noalias() = columns.transpose() * columns;
      Eigen::Map<Eigen::RowVectorXd>(row_sum_.data(), m) = columns.colwise().sum();
    }
    // Rounding of B to float leaves 1e-7; a ratio near that is no span of dimension m.
    if (!(orthonormalise(w, m, d_) > 1e-6)) {
      fail("key.113", "subspace", "expected ", m, " finite, linearly independent rows of ", d_,
           " elements; these are not");
    }
    orthonormal_.resize(size);
    std::transform(w.begin(), w.end(), orthonormal_.begin(), [](double x) { return static_cast<float>(x); });
  }
  subspace(const extents& shape, index_t m, const secret_vector<float>& file_rows)
      : subspace(shape, m, file_rows.data(), shape.size()) {}

  [[nodiscard]] const extents& shape() const { return shape_; }
  [[nodiscard]] index_t dimension() const { return m_; }
  [[nodiscard]] index_t size() const { return d_; }
  /// B and Q (m x d), rows in memory order.
  [[nodiscard]] const float* basis() const { return basis_.data(); }
  [[nodiscard]] const float* orthonormal_basis() const { return orthonormal_.data(); }

  /// B (m x d), rows in file order, for saving.
  [[nodiscard]] secret_vector<float> basis_in_file_order() const {
    secret_vector<float> rows(basis_.size());
    for (index_t i = 0; i < m_; ++i) {
      for (index_t j = 0; j < d_; ++j) rows[at(i, file_index(shape_, j))] = basis_[at(i, j)];
    }
    return rows;
  }

  /// out (n x d, memory order) = alpha (n x m) B.
  void combine(const float* alpha, index_t n, float* out) const {
    const_matrix coefficients(alpha, n, m_, stride(m_));
    parallel_for(blocks(column_block), [&](index_t task) {
      const index_t first = task * column_block, width = std::min(column_block, d_ - first);
      matrix(out + first, n, width, stride(d_)).noalias() =
          coefficients * const_matrix(basis_.data() + first, m_, width, stride(d_));
    });
  }

  /// Moments of the d elements of alpha B, without forming it: alpha (B 1) and alpha (B B^T) alpha^T.
  [[nodiscard]] moments combined_moments(const float* alpha) const {
    moments result{static_cast<double>(d_), 0, 0};
    for (index_t i = 0; i < m_; ++i) {
      const double a = static_cast<double>(alpha[i]);
      double dot = 0;
      for (index_t j = 0; j < m_; ++j) {
        dot += gram_[static_cast<std::size_t>(i * m_ + j)] * static_cast<double>(alpha[j]);
      }
      result.sum += a * row_sum_[static_cast<std::size_t>(i)];
      result.squares += a * dot;
    }
    return result;
  }

  /// Removes from the n keys (n x d, memory order) their component in the span. `scratch` is grown when
  /// needed.
  void project_out(float* keys, index_t n, secret_vector<float>& scratch) const {
    const index_t tasks = blocks(projection_block), size = n * m_;
    if (static_cast<index_t>(scratch.size()) < size * tasks) {
      scratch.resize(static_cast<std::size_t>(size * tasks));
    }
    float* const partial = scratch.data();
    parallel_for(tasks, [&](index_t task) {
      matrix sum(partial + task * size, n, m_, stride(m_));
      sum.setZero();
      const index_t end = std::min(d_, (task + 1) * projection_block);
      for (index_t first = task * projection_block; first < end; first += packed_block) {
        const index_t width = std::min(packed_block, end - first);
        sum.noalias() += const_matrix(keys + first, n, width, stride(d_)) *
                         const_matrix(orthonormal_.data() + first, m_, width, stride(d_)).transpose();
      }
    });
    for (index_t i = 0; i < size; ++i) {
      double sum = 0;
      for (index_t task = 0; task < tasks; ++task) sum += static_cast<double>(partial[task * size + i]);
      partial[i] = static_cast<float>(sum);
    }
    const const_matrix component(partial, n, m_, stride(m_));
    parallel_for(blocks(column_block), [&](index_t task) {
      const index_t first = task * column_block, width = std::min(column_block, d_ - first);
      matrix(keys + first, n, width, stride(d_)).noalias() -=
          component * const_matrix(orthonormal_.data() + first, m_, width, stride(d_));
    });
  }
  void project_out(float* keys, index_t n) const {
    secret_vector<float> scratch;
    project_out(keys, n, scratch);
  }

  /// Share of the energy of one key (d, memory order) that lies in the span; 0 for the zero key.
  [[nodiscard]] double energy_share(const float* key) const {
    const Eigen::Map<const Eigen::VectorXf> k(key, d_);
    const double energy = k.cast<double>().squaredNorm();
    if (energy == 0) return 0;
    secret_vector<double> component(static_cast<std::size_t>(m_));
    parallel_for(m_, [&](index_t i) {
      const Eigen::Map<const Eigen::VectorXf> q(orthonormal_.data() + i * d_, d_);
      component[static_cast<std::size_t>(i)] = q.cast<double>().dot(k.cast<double>());
    });
    double inside = 0;
    for (const double c : component) inside += c * c;
    return inside / energy;
  }

 private:
  using row_major = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  using stride = Eigen::OuterStride<>;
  using matrix = Eigen::Map<row_major, Eigen::Unaligned, stride>;
  using const_matrix = Eigen::Map<const row_major, Eigen::Unaligned, stride>;

  // Columns per task, and per product where columns are summed over: for batches of up to 256 keys and m up to 64
  // what Eigen packs of a block stays on the stack, so that a product allocates nothing.
  static constexpr index_t column_block = 512;
  static constexpr index_t projection_block = 2048;
  static constexpr index_t packed_block = 128;

  [[nodiscard]] index_t blocks(index_t width) const { return (d_ + width - 1) / width; }
  [[nodiscard]] std::size_t at(index_t i, index_t j) const { return static_cast<std::size_t>(i * d_ + j); }

  extents shape_;
  index_t m_, d_;
  secret_vector<float> basis_, orthonormal_;
  secret_vector<double> gram_, row_sum_;
};

}  // namespace spankey
