// The mean of a loss over the rows that count, and what one row's gradient is multiplied by.
//   L = sum_n term(n) / N        dL/dz(n) = each dterm(n)/dz(n),  each = scale / N,  N rows that count
// Without any the mean is 0. Rows are computed in blocks, in parallel, and summed in their order.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include "spankey/backend/cpu/parallel.hpp"
#include "spankey/core/shape.hpp"

namespace spankey {

/// term(n, each) returns the loss of row n and adds `each` times its gradient to where it belongs: to this row's own numbers,
/// since rows are computed in parallel. labels (rows), where there are any: a row with a label below 0 does not count.
template <class Term>
double sample_mean(index_t rows, double scale, Term&& term, const int* labels = nullptr) {
  const auto counts = [labels](index_t n) { return labels == nullptr || labels[n] >= 0; };
  index_t counted = 0;
  for (index_t n = 0; n < rows; ++n) counted += counts(n) ? 1 : 0;
  if (counted == 0) return 0;
  const double each = scale / static_cast<double>(counted);
  const auto sum_of = [&](index_t first, index_t end) {
    double sum = 0;
    for (index_t n = first; n < end; ++n)
      if (counts(n)) sum += term(n, each);
    return sum;
  };
  constexpr index_t most_blocks = 64, least_rows = 256;  // a batch of images is one block
  const index_t blocks = std::clamp<index_t>(rows / least_rows, 1, most_blocks);
  std::array<double, most_blocks> sums;
  parallel_for(blocks, [&](index_t b) {
    sums[static_cast<std::size_t>(b)] = sum_of(rows * b / blocks, rows * (b + 1) / blocks);
  });
  double total = 0;
  for (index_t b = 0; b < blocks; ++b) total += sums[static_cast<std::size_t>(b)];
  return total / static_cast<double>(counted);
}

}  // namespace spankey
