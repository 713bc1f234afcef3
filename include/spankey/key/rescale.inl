// What key/rescale.hpp declares: passes over all elements of keys.
#pragma once

#include <algorithm>
#include <array>

#include "spankey/backend/cpu/parallel.hpp"
#include "spankey/key/rescale.hpp"

namespace spankey {

void rescale_factors(rescale_kind kind, float target, const moments* of_row, double* factors, index_t n) {
  if (kind == rescale_kind::per_key) {
    for (index_t row = 0; row < n; ++row) factors[row] = rescale_factor(of_row[row], target);
    return;
  }
  moments all;
  for (index_t row = 0; row < n; ++row) all += of_row[row];
  std::fill(factors, factors + n, rescale_factor(all, target));
}

void row_moments(const float* k, const row_selection& rows, index_t d, moments* of_row,
                 std::vector<moments>& partial) {
  const index_t n = rows.size(), blocks = partial_moments(1, d);
  if (static_cast<index_t>(partial.size()) < n * blocks) partial.resize(static_cast<std::size_t>(n * blocks));
  moments* const parts = partial.data();
  parallel_for(n * blocks, [=](index_t task) {
    const index_t first = task % blocks * key_block, count = std::min(key_block, d - first);
    const float* const x = k + rows[task / blocks] * d + first;
    // Eight independent chains, so that the additions need not wait for one another.
    std::array<double, 8> sum{}, squares{};
    for (index_t i = 0; i < count; ++i) {
      const auto lane = static_cast<std::size_t>(i & 7);
      const double value = static_cast<double>(x[i]);
      sum[lane] += value;
      squares[lane] += value * value;
    }
    moments m{static_cast<double>(count), 0, 0};
    for (std::size_t lane = 0; lane < 8; ++lane) m += moments{0, sum[lane], squares[lane]};
    parts[task] = m;
  });
  for (index_t row = 0; row < n; ++row) {
    of_row[row] = moments{};
    for (index_t block = 0; block < blocks; ++block) of_row[row] += parts[row * blocks + block];
  }
}

void scale_rows(float* k, const row_selection& rows, index_t d, const double* factors) {
  const index_t blocks = (d + key_block - 1) / key_block;
  parallel_for(rows.size() * blocks, [=](index_t task) {
    const index_t position = task / blocks, first = task % blocks * key_block;
    const float factor = static_cast<float>(factors[position]);
    float* const x = k + rows[position] * d + first;
    const index_t count = std::min(key_block, d - first);
    for (index_t i = 0; i < count; ++i) x[i] *= factor;
  });
}

}  // namespace spankey
