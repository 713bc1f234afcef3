// An orthonormal map of C channels from a key: three rounds, each signs, a fixed mix of everything, a permutation.
//
//   R = P3 M D3 P2 M D2 P1 M D1       D signs, P permutation; M: Walsh and Hadamard's transform of blocks of a power of
//                                     two, / sqrt(block), then a mix of q blocks, C = q block with q odd
//   q = 3: rows (1,1,1)/sqrt 3, (1,-1,0)/sqrt 2, (1,1,-2)/sqrt 6        other q: I - 2/q (Householder)
// Its inverse is its transpose. Costs C log2 C additions a round; with a large q, 17 channels say, M mixes little.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

#include "spankey/core/secret.hpp"
#include "spankey/core/shape.hpp"
#include "spankey/key/derivation.hpp"

namespace spankey {

class rotation {
 public:
  /// channels from 1.
  rotation(index_t channels, key_stream& numbers) : channels_(channels) {
    while (channels % (2 * block_) == 0) block_ *= 2;
    const auto n = static_cast<std::size_t>(channels);
    for (round& r : rounds_) {
      r.signs.resize(n), r.order.resize(n);
      numbers.signs(r.signs);
      numbers.permutation(r.order);
    }
  }

  [[nodiscard]] index_t channels() const { return channels_; }

  /// rows (C, columns) become R rows.
  template <class T>
  void apply(T* rows, index_t columns) const {
    secret_vector<T> moved(static_cast<std::size_t>(channels_ * columns));
    for (const round& r : rounds_) {
      for (index_t c = 0; c < channels_; ++c) scale(rows + c * columns, columns, sign_of(r, c));
      mix_blocks(rows, columns);
      mix_across(rows, columns, false);
      for (index_t c = 0; c < channels_; ++c)
        std::copy_n(rows + c * columns, columns, moved.data() + order_of(r, c) * columns);
      std::copy(moved.begin(), moved.end(), rows);
    }
  }
  /// rows (C, columns) become R^T rows.
  template <class T>
  void apply_inverse(T* rows, index_t columns) const {
    secret_vector<T> moved(static_cast<std::size_t>(channels_ * columns));
    for (auto r = rounds_.rbegin(); r != rounds_.rend(); ++r) {
      for (index_t c = 0; c < channels_; ++c)
        std::copy_n(rows + order_of(*r, c) * columns, columns, moved.data() + c * columns);
      std::copy(moved.begin(), moved.end(), rows);
      mix_across(rows, columns, true);
      mix_blocks(rows, columns);
      for (index_t c = 0; c < channels_; ++c) scale(rows + c * columns, columns, sign_of(*r, c));
    }
  }

 private:
  struct round {
    secret_vector<float> signs;
    secret_vector<std::uint32_t> order;
  };
  static float sign_of(const round& r, index_t c) { return r.signs[static_cast<std::size_t>(c)]; }
  static index_t order_of(const round& r, index_t c) { return r.order[static_cast<std::size_t>(c)]; }
  template <class T>
  static void scale(T* row, index_t columns, float sign) {
    for (index_t j = 0; j < columns; ++j) row[j] *= static_cast<T>(sign);
  }

  // Its own inverse.
  template <class T>
  void mix_blocks(T* rows, index_t columns) const {
    for (index_t width = 1; width < block_; width *= 2)
      for (index_t c = 0; c < channels_; ++c) {
        if ((c / width) % 2 != 0) continue;
        T *const a = rows + c * columns, *const b = a + width * columns;
        for (index_t j = 0; j < columns; ++j) {
          const T sum = a[j] + b[j], difference = a[j] - b[j];
          a[j] = sum, b[j] = difference;
        }
      }
    const T length = T(1) / std::sqrt(static_cast<T>(block_));
    for (index_t i = 0; i < channels_ * columns; ++i) rows[i] *= length;
  }

  template <class T>
  void mix_across(T* rows, index_t columns, bool inverse) const {
    const index_t q = channels_ / block_, step = block_ * columns;
    if (q == 1) return;
    for (index_t i = 0; i < step; ++i) {
      if (q == 3) {
        mix_three(rows + i, step, inverse);
      } else {
        T sum = 0;
        for (index_t b = 0; b < q; ++b) sum += rows[b * step + i];
        sum *= T(2) / static_cast<T>(q);
        for (index_t b = 0; b < q; ++b) rows[b * step + i] -= sum;
      }
    }
  }
  template <class T>
  static void mix_three(T* x, index_t step, bool inverse) {
    const T u = 1 / std::sqrt(T(3)), v = 1 / std::sqrt(T(2)), w = 1 / std::sqrt(T(6));
    const T a = x[0], b = x[step], c = x[2 * step];
    x[0] = inverse ? u * a + v * b + w * c : u * (a + b + c);
    x[step] = inverse ? u * a - v * b + w * c : v * (a - b);
    x[2 * step] = inverse ? u * a - 2 * w * c : w * (a + b - 2 * c);
  }

  index_t channels_, block_ = 1;
  std::array<round, 3> rounds_;
};

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
