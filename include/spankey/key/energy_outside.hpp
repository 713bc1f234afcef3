// How much of a key lies outside the span that is accepted, as q orthonormal rows N of its complement tell:
//
//   share = |N k|^2 / |k|^2        N (q, d) and k (d) in one order; sums in double
// 0 for a key of the span but for rounding (1e-13), q/(d-m) of what lies outside of it on average. Memory is nobody's: a
// session asks it of rows in an image, a network of its own.
#pragma once

#include "spankey/core/shape.hpp"

namespace spankey {

/// The rows, and the largest share that is let in.
struct outside_rows {
  const float* values = nullptr;  // (count, size)
  index_t count = 0, size = 0;
  double limit = 0;

  /// at(j): number j of the key. 1 where the key is 0, or some number is none.
  template <class At>
  [[nodiscard]] double share(const At& at) const {
    double whole = 0, outside = 0;
    for (index_t j = 0; j < size; ++j) whole += static_cast<double>(at(j)) * static_cast<double>(at(j));
    for (index_t i = 0; i < count; ++i) {
      const float* const row = values + i * size;
      double product = 0;
      for (index_t j = 0; j < size; ++j) product += static_cast<double>(row[j]) * static_cast<double>(at(j));
      outside += product * product;
    }
    // Comparisons with what is no number are false.
    return whole > 0 && outside <= 2 * whole ? outside / whole : 1;
  }
  template <class At>
  [[nodiscard]] bool lets_in(const At& at) const {
    return share(at) <= limit;
  }
};

}  // namespace spankey
