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

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <string_view>

#include "spankey/backend/cpu/combination.hpp"
#include "spankey/backend/cpu/parallel.hpp"
#include "spankey/core/choice.hpp"
#include "spankey/core/error.hpp"
#include "spankey/core/finite.hpp"
#include "spankey/core/random.hpp"
#include "spankey/core/secret.hpp"
#include "spankey/core/shape.hpp"
#include "spankey/key/gaussian.hpp"
#include "spankey/key/products.hpp"
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
inline void require_dimensions(std::string_view where, index_t m, index_t d) {
  if (m < 1) fail("key.105", where, "expected a subspace dimension of at least 1, found m=", m);
  if (m > d)
    fail("key.106", where, "subspace dimension m=", m, " exceeds the d=", d, " elements of the site");
}

/// Orthonormalises the m rows of w (m x d), in place: the Q of a QR decomposition whose R has a positive diagonal.
/// Returns min R_ii / max R_ii: 0 where the rows are not finite or do not span m dimensions. Gram-Schmidt in panels,
/// over all rows, twice: the first sweep may lose orthogonality by the condition of w, the second gains it back.
inline double orthonormalise(secret_vector<double>& w, index_t m, index_t d) {
  constexpr index_t panel = 8;
  secret_vector<double> diagonal(static_cast<std::size_t>(m), 1.0);
  secret_vector<double> products(static_cast<std::size_t>(m * panel));
  const auto rows = [&](index_t i) { return rows_of<double>{w.data() + i * d, d}; };
  // Rows [first, last) lose their components in `width` orthonormal rows from `from` on.
  const auto project = [&](index_t from, index_t width, index_t first, index_t last) {
    const rows_of<double> c{products.data() + first * panel, panel}, a = rows(first);
    const rows_of<const double> q{w.data() + from * d, d};
    std::fill(c.data, c.row(last - first), 0.0);
    add_row_products({a.data, d}, last - first, q, width, d, c);
    subtract_combination<double>({c.data, panel}, last - first, q, width, d, a);
  };
  for (int sweep = 0; sweep < 2; ++sweep) {
    for (index_t first = 0; first < m; first += panel) {
      const index_t after = std::min(m, first + panel);
      for (index_t i = first; i < after; ++i) {
        double* const row = rows(i).data;
        double squares = 0;
        add_row_products({row, d}, 1, {row, d}, 1, d, {&squares, 1});
        const double norm = std::sqrt(squares);
        diagonal[static_cast<std::size_t>(i)] *= norm;
        for (index_t j = 0; j < d; ++j) row[j] /= norm;
        project(i, 1, i + 1, after);
      }
      parallel_for((m - after + panel - 1) / panel, [&](index_t task) {
        const index_t begin = after + task * panel;
        project(first, after - first, begin, std::min(m, begin + panel));
      });
    }
  }
  double smallest = diagonal[0], largest = diagonal[0];
  for (const double r : diagonal) {
    if (!is_finite(r)) return 0;
    smallest = std::min(smallest, r);
    largest = std::max(largest, r);
  }
  return largest > 0 ? smallest / largest : 0;
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
    sum_products(w);
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
  /// B B^T (m x m) and B 1 (m), in double.
  [[nodiscard]] const double* gram() const { return gram_.data(); }
  [[nodiscard]] const double* row_sums() const { return row_sum_.data(); }

  /// B (m x d), rows in file order, for saving.
  [[nodiscard]] secret_vector<float> basis_in_file_order() const {
    secret_vector<float> rows(basis_.size());
    for (index_t i = 0; i < m_; ++i) {
      for (index_t j = 0; j < d_; ++j) rows[at(i, file_index(shape_, j))] = basis_[at(i, j)];
    }
    return rows;
  }

  /// Selected rows of out (n x d, memory order) = alpha B; alpha has m elements a row, in the order of the rows.
  void combine(const float* alpha, const row_selection& rows, float* out) const {
    for_each_piece(rows, [&](index_t position, index_t row, index_t n, index_t first, index_t width) {
      cpu::combine(
          {n, m_, width, alpha + position * m_, basis_.data() + first, d_, out + row * d_ + first, d_});
    });
  }
  /// The same, added to what the rows hold.
  void add_combined(const float* alpha, const row_selection& rows, float* out) const {
    for_each_piece(rows, [&](index_t position, index_t row, index_t n, index_t first, index_t width) {
      add_combination<float>({alpha + position * m_, m_}, n, {basis_.data() + first, d_}, m_, width,
                             {out + row * d_ + first, d_});
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

  /// Elements of scratch that project_out needs for n keys.
  [[nodiscard]] index_t projection_size(index_t n) const {
    return (n + packed_block) * m_ * blocks(projection_block);
  }
  /// Removes from the selected keys (n x d, memory order) their component in the span. `scratch` is grown when
  /// needed.
  void project_out(float* keys, const row_selection& rows, secret_vector<float>& scratch) const {
    const index_t tasks = blocks(projection_block), size = rows.size() * m_;
    if (static_cast<index_t>(scratch.size()) < projection_size(rows.size())) {
      scratch.resize(static_cast<std::size_t>(projection_size(rows.size())));
    }
    float* const partial = scratch.data();
    parallel_for(tasks, [&](index_t task) {
      float* const sum = partial + task * size;
      float* const turned = partial + tasks * size + task * packed_block * m_;  // columns of Q as rows
      std::fill(sum, sum + size, 0.0F);
      const index_t end = std::min(d_, (task + 1) * projection_block);
      for (index_t first = task * projection_block; first < end; first += packed_block) {
        const index_t width = std::min(packed_block, end - first);
        for (index_t i = 0; i < m_; ++i) {
          for (index_t j = 0; j < width; ++j) turned[j * m_ + i] = orthonormal_[at(i, first + j)];
        }
        rows.for_each_run([&](index_t position, index_t row, index_t n) {
          add_combination<float>({keys + row * d_ + first, d_}, n, {turned, m_}, width, m_,
                                 {sum + position * m_, m_});
        });
      }
    });
    for (index_t i = 0; i < size; ++i) {
      double sum = 0;
      for (index_t task = 0; task < tasks; ++task) sum += static_cast<double>(partial[task * size + i]);
      partial[i] = static_cast<float>(sum);
    }
    for_each_piece(rows, [&](index_t position, index_t row, index_t n, index_t first, index_t width) {
      subtract_combination<float>({partial + position * m_, m_}, n, {orthonormal_.data() + first, d_}, m_,
                                  width, {keys + row * d_ + first, d_});
    });
  }
  void project_out(float* keys, const row_selection& rows) const {
    secret_vector<float> scratch;
    project_out(keys, rows, scratch);
  }

  /// Share of the energy of one key (d, memory order) that lies in the span; 0 for the zero key.
  [[nodiscard]] double energy_share(const float* key) const {
    const double energy = dot_in_double(key, key, d_);
    if (energy == 0) return 0;
    secret_vector<double> component(static_cast<std::size_t>(m_));
    parallel_for(m_, [&](index_t i) {
      component[static_cast<std::size_t>(i)] = dot_in_double(orthonormal_.data() + i * d_, key, d_);
    });
    double inside = 0;
    for (const double c : component) inside += c * c;
    return inside / energy;
  }

 private:
  // Columns per task, of which m = 32 rows stay in the first cache; and, where columns are summed over, per task
  // and per product (part of the order of summation).
  static constexpr index_t column_block = 256;
  static constexpr index_t projection_block = 2048;
  static constexpr index_t packed_block = 128;

  // Calls f(position, row, rows, first column, columns) in parallel for pieces that cover the selected rows.
  template <class F>
  void for_each_piece(const row_selection& rows, const F& f) const {
    parallel_for(blocks(column_block), [&](index_t task) {
      const index_t first = task * column_block, width = std::min(column_block, d_ - first);
      rows.for_each_run([&](index_t position, index_t row, index_t n) { f(position, row, n, first, width); });
    });
  }

  // gram_ = B B^T and row_sum_ = B 1, from B in double.
  void sum_products(const secret_vector<double>& rows) {
    constexpr index_t band = 4;
    gram_.resize(static_cast<std::size_t>(m_ * m_));
    row_sum_.resize(static_cast<std::size_t>(m_));
    parallel_for((m_ + band - 1) / band, [&](index_t task) {
      const index_t first = task * band, count = std::min(band, m_ - first);
      const double* const own = rows.data() + first * d_;
      add_row_products({own, d_}, count, {rows.data(), d_}, m_, d_, {gram_.data() + first * m_, m_});
      for (index_t i = 0; i < count; ++i) {
        row_sum_[static_cast<std::size_t>(first + i)] =
            std::accumulate(own + i * d_, own + (i + 1) * d_, 0.0);
      }
    });
  }

  [[nodiscard]] index_t blocks(index_t width) const { return (d_ + width - 1) / width; }
  [[nodiscard]] std::size_t at(index_t i, index_t j) const { return static_cast<std::size_t>(i * d_ + j); }

  extents shape_;
  index_t m_, d_;
  secret_vector<float> basis_, orthonormal_;
  secret_vector<double> gram_, row_sum_;
};

}  // namespace spankey
