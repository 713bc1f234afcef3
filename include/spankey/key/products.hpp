// Products with a few long rows, as key spaces need them: m basis rows and n keys of d elements each.
//
//   add_row_products      out_ij += <a_i, b_j>          a (n x d), b (m x d) -> out (n x m), in double
//   add_combination       out_i  += sum_j c_ij b_j      c (n x m), b (m x d) -> out (n x d)
//   subtract_combination  out_i  -= sum_j c_ij b_j      the same shapes
// Serial, for any range of columns: callers cut d. T is float or double; an operand is its first element and the
// elements between two of its rows. Combinations are added in the order of j, wherever rows and columns are cut:
// an element of a key has the same bits in every batch. Tiles are what 16 registers of 16 bytes hold.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

#include "spankey/core/shape.hpp"

namespace spankey {

/// A row-major matrix inside a larger one.
template <class T>
struct rows_of {
  T* data;
  index_t stride;
  [[nodiscard]] T* row(index_t i) const { return data + i * stride; }
};

template <class T>
struct short_vector;
template <>
struct short_vector<float> {
  typedef float type __attribute__((vector_size(16)));
};
template <>
struct short_vector<double> {
  typedef double type __attribute__((vector_size(16)));
};

/// R x C of the products: out_ij += <a_i, b_j>.
template <int R, int C>
void add_product_tile(rows_of<const double> a, rows_of<const double> b, index_t width, rows_of<double> out) {
  using vector = short_vector<double>::type;
  constexpr index_t lanes = sizeof(vector) / sizeof(double);
  vector sum[static_cast<std::size_t>(R)][static_cast<std::size_t>(C)] = {};
  index_t t = 0;
  for (; t + lanes <= width; t += lanes) {
    vector y[static_cast<std::size_t>(C)];
#pragma GCC unroll 4
    for (int j = 0; j < C; ++j) std::memcpy(&y[j], b.row(j) + t, sizeof(vector));
#pragma GCC unroll 4
    for (int i = 0; i < R; ++i) {
      vector x;
      std::memcpy(&x, a.row(i) + t, sizeof(vector));
#pragma GCC unroll 4
      for (int j = 0; j < C; ++j) sum[i][j] += x * y[j];
    }
  }
  for (int i = 0; i < R; ++i) {
    for (int j = 0; j < C; ++j) {
      double total = 0;
      for (index_t lane = 0; lane < lanes; ++lane) total += sum[i][j][lane];
      for (index_t rest = t; rest < width; ++rest) total += a.row(i)[rest] * b.row(j)[rest];
      out.row(i)[j] += total;
    }
  }
}

/// out (n x m) += a (n x width) b^T (m x width).
inline void add_row_products(rows_of<const double> a, index_t n, rows_of<const double> b, index_t m,
                             index_t width, rows_of<double> out) {
  constexpr index_t columns = 256;  // of four rows of a and some of b stay in the first cache
  for (index_t first = 0; first < width; first += columns) {
    const index_t count = std::min(columns, width - first);
    const auto a_at = [&](index_t i) { return rows_of<const double>{a.row(i) + first, a.stride}; };
    const auto b_at = [&](index_t j) { return rows_of<const double>{b.row(j) + first, b.stride}; };
    const auto out_at = [&](index_t i, index_t j) { return rows_of<double>{out.row(i) + j, out.stride}; };
    index_t i = 0;
    for (; i + 4 <= n; i += 4) {
      index_t j = 0;
      for (; j + 2 <= m; j += 2) add_product_tile<4, 2>(a_at(i), b_at(j), count, out_at(i, j));
      for (; j < m; ++j) add_product_tile<4, 1>(a_at(i), b_at(j), count, out_at(i, j));
    }
    for (; i < n; ++i) {
      for (index_t j = 0; j < m; ++j) add_product_tile<1, 1>(a_at(i), b_at(j), count, out_at(i, j));
    }
  }
}

enum class accumulation { add, subtract };

/// R rows by C values of type V (a vector, or T itself at the end of a row) of the combination.
template <accumulation how, int R, int C, class V, class T>
void combine_tile(rows_of<const T> c, rows_of<const T> b, index_t m, rows_of<T> out) {
  constexpr index_t lanes = sizeof(V) / sizeof(T);
  V sum[static_cast<std::size_t>(R)][static_cast<std::size_t>(C)] = {};
  for (index_t j = 0; j < m; ++j) {
    V x[static_cast<std::size_t>(C)];
#pragma GCC unroll 4
    for (int v = 0; v < C; ++v) std::memcpy(&x[v], b.row(j) + v * lanes, sizeof(V));
#pragma GCC unroll 4
    for (int i = 0; i < R; ++i) {
      const T factor = c.row(i)[j];
#pragma GCC unroll 4
      for (int v = 0; v < C; ++v) sum[i][v] += factor * x[v];
    }
  }
#pragma GCC unroll 4
  for (int i = 0; i < R; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < C; ++v) {
      T* const to = out.row(i) + v * lanes;
      V old;
      std::memcpy(&old, to, sizeof(V));
      sum[i][v] = how == accumulation::add ? old + sum[i][v] : old - sum[i][v];
      std::memcpy(to, &sum[i][v], sizeof(V));
    }
  }
}

/// R rows of the combination.
template <accumulation how, int R, class T>
void combine_band(rows_of<const T> c, rows_of<const T> b, index_t m, index_t width, rows_of<T> out) {
  using vector = typename short_vector<T>::type;
  constexpr index_t step = 4 * sizeof(vector) / sizeof(T);
  index_t t = 0;
  for (; t + step <= width; t += step) {
    combine_tile<how, R, 4, vector, T>(c, {b.data + t, b.stride}, m, {out.data + t, out.stride});
  }
  for (; t < width; ++t) {
    combine_tile<how, R, 1, T, T>(c, {b.data + t, b.stride}, m, {out.data + t, out.stride});
  }
}

template <accumulation how, class T>
void combine_bands(rows_of<const T> c, index_t n, rows_of<const T> b, index_t m, index_t width,
                   rows_of<T> out) {
  index_t i = 0;
  for (; i + 3 <= n; i += 3) {
    combine_band<how, 3, T>({c.row(i), c.stride}, b, m, width, {out.row(i), out.stride});
  }
  for (; i < n; ++i) {
    combine_band<how, 1, T>({c.row(i), c.stride}, b, m, width, {out.row(i), out.stride});
  }
}

/// out (n x width) += c (n x m) b (m x width).
template <class T>
void add_combination(rows_of<const T> c, index_t n, rows_of<const T> b, index_t m, index_t width,
                     rows_of<T> out) {
  combine_bands<accumulation::add>(c, n, b, m, width, out);
}

/// out (n x width) -= c (n x m) b (m x width).
template <class T>
void subtract_combination(rows_of<const T> c, index_t n, rows_of<const T> b, index_t m, index_t width,
                          rows_of<T> out) {
  combine_bands<accumulation::subtract>(c, n, b, m, width, out);
}

/// <a, b> of d elements, summed in double by eight independent chains.
inline double dot_in_double(const float* a, const float* b, index_t d) {
  std::array<double, 8> sum{};
  for (index_t i = 0; i < d; ++i) {
    sum[static_cast<std::size_t>(i & 7)] += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  }
  double total = 0;
  for (const double s : sum) total += s;
  return total;
}

}  // namespace spankey
