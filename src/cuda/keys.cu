// Keys on the device. Compiled without contraction (-fmad=false): what the host computes in the same order then has the
// same bits, and combinations of rows are fused multiply-adds because they say so.
#include <cmath>

#include "launch.cuh"
#include "spankey/backend/cuda/keys.hpp"

namespace spankey::cuda {

namespace {

__device__ inline random_source source_of(const random_numbers& r, const step_values* now) {
  return random_source(r.seed, r.use, now != nullptr ? now->random_step : r.step);
}

__device__ inline index_t element() { return static_cast<index_t>(blockIdx.x) * blockDim.x + threadIdx.x; }

__global__ void draw_kernel(bool uniform, double offset, double spread, index_t count, random_numbers random,
                            std::uint64_t base, const step_values* now, float* z) {
  const index_t i = element();
  if (i >= count) return;
  const random_source source = source_of(random, now);
  const std::uint64_t number = base + static_cast<std::uint64_t>(i);
  z[i] = static_cast<float>(uniform ? offset + spread * (2 * source.uniform(number) - 1)
                                    : source.gaussian(number));
}

// A thread has a row: z / |z| on the sphere, then offset + spread z.
__global__ void place_kernel(bool sphere, double offset, double spread, index_t m, index_t n, float* alpha) {
  const index_t row = element();
  if (row >= n) return;
  float* const a = alpha + row * m;
  if (sphere) {
    double squares = 0;
    for (index_t j = 0; j < m; ++j) squares += static_cast<double>(a[j]) * static_cast<double>(a[j]);
    const double factor = 1 / std::sqrt(squares);
    for (index_t j = 0; j < m; ++j) a[j] = static_cast<float>(static_cast<double>(a[j]) * factor);
  }
  for (index_t j = 0; j < m; ++j) a[j] = static_cast<float>(offset + spread * static_cast<double>(a[j]));
}

__global__ void combined_moments_kernel(index_t m, index_t d, index_t n, const float* alpha,
                                        const double* gram, const double* row_sums, double* moments) {
  const index_t row = element();
  if (row >= n) return;
  const float* const a = alpha + row * m;
  double sum = 0, squares = 0;
  for (index_t i = 0; i < m; ++i) {
    double dot = 0;
    for (index_t j = 0; j < m; ++j) dot += gram[i * m + j] * static_cast<double>(a[j]);
    sum += static_cast<double>(a[i]) * row_sums[i];
    squares += static_cast<double>(a[i]) * dot;
  }
  moments[row * 3] = static_cast<double>(d);
  moments[row * 3 + 1] = sum;
  moments[row * 3 + 2] = squares;
}

__device__ inline double factor_of(double count, double sum, double squares, float target) {
  const double variance = (squares - sum * sum / count);
  const double deviation = std::sqrt((variance > 0 ? variance : 0.0) / (count - 1));
  return static_cast<double>(target) / (deviation + 1e-8);
}

__global__ void own_factors_kernel(float target, index_t n, const double* moments, double* factors) {
  const index_t row = element();
  if (row < n) factors[row] = factor_of(moments[row * 3], moments[row * 3 + 1], moments[row * 3 + 2], target);
}
// One thread adds up the rows as the host does; the others wait for its factor.
__global__ void pooled_factors_kernel(float target, index_t n, const double* moments, double* factors) {
  __shared__ double factor;
  if (threadIdx.x == 0) {
    double count = 0, sum = 0, squares = 0;
    for (index_t row = 0; row < n; ++row) {
      count += moments[row * 3];
      sum += moments[row * 3 + 1];
      squares += moments[row * 3 + 2];
    }
    factor = factor_of(count, sum, squares, target);
  }
  __syncthreads();
  for (index_t row = threadIdx.x; row < n; row += blockDim.x) factors[row] = factor;
}

__global__ void scale_coefficients_kernel(index_t m, index_t count, const double* factors, float* alpha) {
  const index_t i = element();
  if (i < count) alpha[i] = static_cast<float>(static_cast<double>(alpha[i]) * factors[i / m]);
}

constexpr int combined_rows = 8;

// A thread computes one column of eight keys, so that it reads the basis once for them.
__global__ void combine_kernel(index_t m, index_t d, index_t n, const float* alpha, const float* basis,
                               float* keys) {
  const index_t column = element(), first = static_cast<index_t>(blockIdx.y) * combined_rows;
  if (column >= d) return;
  float sum[combined_rows];
  for (int r = 0; r < combined_rows; ++r) sum[r] = 0;
  for (index_t j = 0; j < m; ++j) {
    const float b = basis[j * d + column];
    for (int r = 0; r < combined_rows; ++r)
      if (first + r < n) sum[r] = fmaf(b, alpha[(first + r) * m + j], sum[r]);
  }
  for (int r = 0; r < combined_rows; ++r)
    if (first + r < n) keys[(first + r) * d + column] = sum[r];
}

__global__ void gaussian_keys_kernel(extents shape, index_t count, random_numbers random, std::uint64_t base,
                                     index_t numbers_of_row, const step_values* now, float* keys) {
  const index_t i = element();
  if (i >= count) return;
  const index_t d = shape.size(), row = i / d, f = file_index(shape, i % d);
  keys[i] = static_cast<float>(
      source_of(random, now).gaussian(base + static_cast<std::uint64_t>(row * numbers_of_row + f)));
}

__global__ void key_moments_kernel(index_t d, const float* keys, double* moments) {
  __shared__ double sums[2][block_threads];
  const float* const key = keys + static_cast<index_t>(blockIdx.x) * d;
  double sum = 0, squares = 0;
  for (index_t i = threadIdx.x; i < d; i += block_threads) {
    const double v = static_cast<double>(key[i]);
    sum += v;
    squares += v * v;
  }
  sums[0][threadIdx.x] = sum;
  sums[1][threadIdx.x] = squares;
  __syncthreads();
  for (unsigned half = block_threads / 2; half > 0; half /= 2) {
    if (threadIdx.x < half) {
      sums[0][threadIdx.x] += sums[0][threadIdx.x + half];
      sums[1][threadIdx.x] += sums[1][threadIdx.x + half];
    }
    __syncthreads();
  }
  if (threadIdx.x != 0) return;
  moments[blockIdx.x * 3] = static_cast<double>(d);
  moments[blockIdx.x * 3 + 1] = sums[0][0];
  moments[blockIdx.x * 3 + 2] = sums[1][0];
}

__global__ void scale_keys_kernel(index_t d, index_t count, const double* factors, float* keys) {
  const index_t i = element();
  if (i < count) keys[i] *= static_cast<float>(factors[i / d]);
}

}  // namespace

void draw_coefficients(coefficients kind, double offset, double spread, index_t m,
                       const random_numbers& random, std::uint64_t base, index_t n, float* alpha) {
  const bool uniform = kind == coefficients::unit_cube;
  launch("draw_coefficients", draw_kernel, pieces(n * m, block_threads), block_threads, uniform, offset,
         spread, n * m, random, base, values_in_memory(), alpha);
  if (!uniform)
    launch("place_coefficients", place_kernel, pieces(n, block_threads), block_threads,
           kind == coefficients::sphere, offset, spread, m, n, alpha);
}
void combined_moments(index_t m, index_t d, index_t n, const float* alpha, const double* gram,
                      const double* row_sums, double* moments) {
  launch("combined_moments", combined_moments_kernel, pieces(n, 32), 32, m, d, n, alpha, gram, row_sums,
         moments);
}
void rescale_factors(bool pooled, float target, index_t n, const double* moments, double* factors) {
  if (pooled) {
    launch<threads::together>("rescale_factors", pooled_factors_kernel, 1, block_threads, target, n, moments,
                              factors);
  } else {
    launch("rescale_factors", own_factors_kernel, pieces(n, block_threads), block_threads, target, n, moments,
           factors);
  }
}
void scale_coefficients(index_t m, index_t n, const double* factors, float* alpha) {
  launch("scale_coefficients", scale_coefficients_kernel, pieces(n * m, block_threads), block_threads, m,
         n * m, factors, alpha);
}
void combine(index_t m, index_t d, index_t n, const float* alpha, const float* basis, float* keys) {
  launch("combine", combine_kernel, dim3(pieces(d, block_threads), pieces(n, combined_rows)), block_threads,
         m, d, n, alpha, basis, keys);
}
void draw_gaussian_keys(const extents& shape, const random_numbers& random, std::uint64_t base,
                        index_t numbers_of_row, index_t n, float* keys) {
  const index_t count = n * shape.size();
  launch("draw_gaussian_keys", gaussian_keys_kernel, pieces(count, block_threads), block_threads, shape,
         count, random, base, numbers_of_row, values_in_memory(), keys);
}
void key_moments(index_t d, index_t n, const float* keys, double* moments) {
  launch<threads::together>("key_moments", key_moments_kernel, static_cast<unsigned>(n), block_threads, d,
                            keys, moments);
}
void scale_keys(index_t d, index_t n, const double* factors, float* keys) {
  launch("scale_keys", scale_keys_kernel, pieces(n * d, block_threads), block_threads, d, n * d, factors,
         keys);
}

}  // namespace spankey::cuda
