// How much of a key lies outside the span that is accepted, as q orthonormal rows N of its complement tell:
//
//   share = |N k|^2 / |k|^2        N (q, d) and k (d) in one order
// 0 for a key of the span but for rounding (1e-13), q/(d-m) of what lies outside of it on average. In float, since a small
// processor has nothing else, with what its sums lose kept beside them (Kahan 1965). Memory is nobody's: a session asks it of
// rows in an image, a network of its own.
#pragma once

#include <algorithm>

#include "spankey/core/finite.hpp"
#include "spankey/core/shape.hpp"

namespace spankey {

/// The rows, and the largest share that is let in.
struct outside_rows {
  const float* values = nullptr;  // (count, size)
  index_t count = 0, size = 0;
  float limit = 0;

  /// at(j): number j of the key. 1 where the key is 0 or below 1e-37 everywhere, or some number is none.
  template <class At>
  [[nodiscard]] float share(const At& at) const {
    float largest = 0;
    for (index_t j = 0; j < size; ++j) {
      const auto number = static_cast<float>(at(j));
      if (!is_finite(number)) return 1;
      largest = std::max(largest, number < 0 ? -number : number);
    }
    if (!(largest > 1e-37F)) return 1;
    // A key's size does not count, and its square is a float.
    const float scale = 1 / largest;
    const auto scaled = [&](index_t j) { return static_cast<float>(at(j)) * scale; };
    compensated whole;
    for (index_t j = 0; j < size; ++j) whole.add(scaled(j) * scaled(j));
    float outside = 0;
    // Some rows side by side: a sum waits for its own additions alone.
    for (index_t first = 0; first < count; first += rows_at_once) {
      compensated product[rows_at_once];
      const index_t rows = std::min(rows_at_once, count - first);
      for (index_t j = 0; j < size; ++j) {
        const float number = scaled(j);
        for (index_t i = 0; i < rows; ++i) product[i].add(values[(first + i) * size + j] * number);
      }
      for (index_t i = 0; i < rows; ++i) outside += product[i].sum * product[i].sum;
    }
    return std::min(1.0F, outside / whole.sum);
  }
  template <class At>
  [[nodiscard]] bool lets_in(const At& at) const {
    return share(at) <= limit;
  }

 private:
  static constexpr index_t rows_at_once = 8;

  struct compensated {
    float sum = 0, lost = 0;
    void add(float value) {
      const float with_lost = value - lost, next = sum + with_lost;
      lost = (next - sum) - with_lost;
      sum = next;
    }
  };
};

}  // namespace spankey
