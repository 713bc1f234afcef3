// What key/coefficients.hpp declares.
#pragma once

#include <cmath>

#include "spankey/key/coefficients.hpp"
#include "spankey/key/gaussian.hpp"

namespace spankey {

void draw_coefficients(const coefficient_law& law, index_t m, const random_source& source, std::uint64_t base,
                       const row_selection& rows, float* alpha) {
  rows.for_each_run([&](index_t position, index_t sample, index_t count) {
    float* const a = alpha + position * m;
    const std::uint64_t first = base + static_cast<std::uint64_t>(sample * m);
    if (law.kind != coefficient_kind::unit_cube) {
      fill_gaussian(source, first, a, count * m);
      return;
    }
    for (index_t i = 0; i < count * m; ++i) {
      const double z = 2 * source.uniform(first + static_cast<std::uint64_t>(i)) - 1;
      a[i] = static_cast<float>(law.offset + law.spread * z);
    }
  });
  if (law.kind == coefficient_kind::unit_cube) return;
  for (index_t row = 0; row < rows.size() && law.kind == coefficient_kind::sphere; ++row) {
    float* const a = alpha + row * m;
    double squares = 0;
    for (index_t j = 0; j < m; ++j) squares += static_cast<double>(a[j]) * static_cast<double>(a[j]);
    scale_coefficients(a, m, 1 / std::sqrt(squares));
  }
  for (index_t i = 0; i < rows.size() * m; ++i)
    alpha[i] = static_cast<float>(law.offset + law.spread * static_cast<double>(alpha[i]));
}

void subtract_mean(float* alpha, index_t m) {
  double mean = 0;
  for (index_t j = 0; j < m; ++j) mean += static_cast<double>(alpha[j]) / static_cast<double>(m);
  for (index_t j = 0; j < m; ++j) alpha[j] = static_cast<float>(static_cast<double>(alpha[j]) - mean);
}

}  // namespace spankey
