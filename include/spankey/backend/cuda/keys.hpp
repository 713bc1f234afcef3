// What train/device_sampler.hpp asks of the compiled part (src/cuda/keys.cu): keys from the same Philox counters as on the
// CPU, in device memory. Rows are samples; everything overwrites; nothing waits.
#pragma once

#include <cstdint>

#include "spankey/backend/backend.hpp"
#include "spankey/core/random.hpp"

namespace spankey::cuda {

/// random_source(seed, use, step); a recorded step reads `step` in device memory (step_values::random_step).
struct random_numbers {
  std::uint64_t seed = 0;
  spankey::stream use = spankey::stream::coefficients;
  std::uint64_t step = 0;
};

enum class coefficients { unit_cube, gaussian, sphere };
/// alpha (n, m) = offset + spread z: key/coefficients.hpp. Coefficient (row, j) is number base + row m + j.
void draw_coefficients(coefficients kind, double offset, double spread, index_t m,
                       const random_numbers& random, std::uint64_t base, index_t n, float* alpha);
/// moments (n, 3): count, sum and sum of squares of the d elements of alpha B; gram (m, m) = B B^T, row_sums (m) = B 1.
void combined_moments(index_t m, index_t d, index_t n, const float* alpha, const double* gram,
                      const double* row_sums, double* moments);
/// factors (n) that give keys of these moments the deviation `target`: one for all of them, or each its own.
void rescale_factors(bool pooled, float target, index_t n, const double* moments, double* factors);
/// alpha (n, m) *= factor of the row, in double.
void scale_coefficients(index_t m, index_t n, const double* factors, float* alpha);
/// keys (n, d) = alpha (n, m) basis (m, d), terms added in the order of the rows of the basis.
void combine(index_t m, index_t d, index_t n, const float* alpha, const float* basis, float* keys);
/// Standard normal keys (n, d): element (row, file position f) is number base + row * numbers_of_row + f.
void draw_gaussian_keys(const extents& shape, const random_numbers& random, std::uint64_t base,
                        index_t numbers_of_row, index_t n, float* keys);
/// moments (n, 3) of keys (n, d).
void key_moments(index_t d, index_t n, const float* keys, double* moments);
/// keys (n, d) *= factor of the row, in float.
void scale_keys(index_t d, index_t n, const double* factors, float* keys);

}  // namespace spankey::cuda
