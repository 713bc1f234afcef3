// A key that is a matrix over the channels: y_p = K x_p at every position p, K (C, C) of the sample's key, row by row.
//
//   dx_p = K^T dy_p        dK = sum over p of dy_p x_p^T
// With the unit matrix x stays; with an orthonormal one, as a lock has it before a layer (channel_map::activation_matrix,
// lock/channel_map.hpp), nothing is lost, but every channel is mixed into every other. Sites need keys of a matrix
// (key_shape::matrix), which costs C^2 multiplications a position, and as much again for either gradient.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>

#include "spankey/inject/injector.hpp"

namespace spankey {

struct entangling {
  static constexpr key_shape takes = key_shape::matrix;
  static constexpr const char* name = "entangling";  // in files

  template <class T, class K>
  void forward(const site_geometry& site, const T* x, const K* k, T* y) const {
    const index_t n = site.channels;
    for (index_t p = 0; p < site.positions; ++p, x += n, y += n)
      for (index_t i = 0; i < n; ++i) y[i] = static_cast<T>(product(n, k + i * n, x));
  }
  template <class T, class K>
  void backward(const site_geometry& site, const T* x, const K* k, const T* dy, T* dx, K* dk) const {
    const index_t n = site.channels;
    if (dk != nullptr) std::fill_n(dk, n * n, K(0));
    for (index_t p = 0; p < site.positions; ++p, x += n, dy += n, dx += n) {
      for (index_t first = 0; first < n; first += lanes)
        columns(n, std::min(lanes, n - first), k + first, dy, dx + first);
      for (index_t i = 0; dk != nullptr && i < n; ++i)
        for (index_t j = 0; j < n; ++j) dk[i * n + j] += static_cast<K>(dy[i]) * static_cast<K>(x[j]);
    }
  }

 private:
  // Sums side by side, so that a compiler may keep them in a register of the processor's vectors; always in this order.
  static constexpr index_t lanes = 16;

  template <class T, class K>
  static K product(index_t n, const K* row, const T* x) {
    K sums[lanes] = {}, sum = 0;
    index_t j = 0;
    for (; j + lanes <= n; j += lanes)
      for (index_t l = 0; l < lanes; ++l) sums[l] += row[j + l] * static_cast<K>(x[j + l]);
    for (; j < n; ++j) sum += row[j] * static_cast<K>(x[j]);
    for (const K part : sums) sum += part;
    return sum;
  }
  // `count` elements of K^T dy.
  template <class T, class K>
  static void columns(index_t n, index_t count, const K* k, const T* dy, T* dx) {
    K sums[lanes] = {};
    for (index_t i = 0; i < n; ++i)
      for (index_t j = 0; j < count; ++j) sums[j] += k[i * n + j] * static_cast<K>(dy[i]);
    for (index_t j = 0; j < count; ++j) dx[j] = static_cast<T>(sums[j]);
  }
};

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
