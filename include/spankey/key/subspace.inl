// What key/subspace.hpp declares.
#pragma once

#include <algorithm>
#include <cmath>
#include <numeric>

#include "spankey/backend/cpu/combination.hpp"
#include "spankey/backend/cpu/parallel.hpp"
#include "spankey/core/error.hpp"
#include "spankey/core/finite.hpp"
#include "spankey/key/gaussian.hpp"
#include "spankey/key/products.hpp"
#include "spankey/key/subspace.hpp"

namespace spankey {

void require_dimensions(std::string_view where, index_t m, index_t d) {
  if (m < 1) fail("key.105", where, "expected a subspace dimension of at least 1, found m=", m);
  if (m > d)
    fail("key.106", where, "subspace dimension m=", m, " exceeds the d=", d, " elements of the site");
}

double orthonormalise(secret_vector<double>& w, index_t m, index_t d) {
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

secret_vector<float> draw_basis(basis_kind kind, index_t m, index_t d, const random_source& source) {
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

subspace::subspace(const extents& shape, index_t m, const float* file_rows, index_t row_stride)
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

subspace::subspace(const extents& shape, index_t m, const secret_vector<float>& file_rows)
    : subspace(shape, m, file_rows.data(), shape.size()) {}

secret_vector<float> subspace::basis_in_file_order() const {
  secret_vector<float> rows(basis_.size());
  for (index_t i = 0; i < m_; ++i) {
    for (index_t j = 0; j < d_; ++j) rows[at(i, file_index(shape_, j))] = basis_[at(i, j)];
  }
  return rows;
}

template <class F>
void subspace::for_each_piece(const row_selection& rows, const F& f) const {
  parallel_for(blocks(column_block), [&](index_t task) {
    const index_t first = task * column_block, width = std::min(column_block, d_ - first);
    rows.for_each_run([&](index_t position, index_t row, index_t n) { f(position, row, n, first, width); });
  });
}

void subspace::combine(const float* alpha, const row_selection& rows, float* out) const {
  for_each_piece(rows, [&](index_t position, index_t row, index_t n, index_t first, index_t width) {
    cpu::combine(
        {n, m_, width, alpha + position * m_, basis_.data() + first, d_, out + row * d_ + first, d_});
  });
}

void subspace::add_combined(const float* alpha, const row_selection& rows, float* out) const {
  for_each_piece(rows, [&](index_t position, index_t row, index_t n, index_t first, index_t width) {
    add_combination<float>({alpha + position * m_, m_}, n, {basis_.data() + first, d_}, m_, width,
                           {out + row * d_ + first, d_});
  });
}

moments subspace::combined_moments(const float* alpha) const {
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

void subspace::project_out(float* keys, const row_selection& rows, secret_vector<float>& scratch) const {
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

void subspace::project_out(float* keys, const row_selection& rows) const {
  secret_vector<float> scratch;
  project_out(keys, rows, scratch);
}

double subspace::energy_share(const float* key) const {
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

void subspace::sum_products(const secret_vector<double>& rows) {
  constexpr index_t band = 4;
  gram_.resize(static_cast<std::size_t>(m_ * m_));
  row_sum_.resize(static_cast<std::size_t>(m_));
  parallel_for((m_ + band - 1) / band, [&](index_t task) {
    const index_t first = task * band, count = std::min(band, m_ - first);
    const double* const own = rows.data() + first * d_;
    add_row_products({own, d_}, count, {rows.data(), d_}, m_, d_, {gram_.data() + first * m_, m_});
    for (index_t i = 0; i < count; ++i) {
      row_sum_[static_cast<std::size_t>(first + i)] = std::accumulate(own + i * d_, own + (i + 1) * d_, 0.0);
    }
  });
}

}  // namespace spankey
