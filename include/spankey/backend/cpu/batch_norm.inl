// One block of rows of batch norm; see batch_norm.hpp.
//
// A block is `periods` periods, then `rest` elements of one more. Sums over rows stay one per element of the
// period, four rows to an addition into memory, and are folded to channels at the end. Coefficients come as
// arrays of one period each: mean, then what the function names.

// sum[0, count) += one to four rows of x that lie `stride` apart.
inline __attribute__((always_inline)) void norm_add_rows(index_t rows, index_t stride, index_t count,
                                                         const SPANKEY_SCALAR* x, float* sum) {
  for (index_t j = 0; j < count; j += SPANKEY_LANES) {
    const index_t n = count - j;
    lanes v = load_lanes(x + j, n);
    if (rows == 4) {
      v = (v + load_lanes(x + stride + j, n)) +
          (load_lanes(x + 2 * stride + j, n) + load_lanes(x + 3 * stride + j, n));
    }
    store_lanes(sum + j, n, load_lanes(sum + j, n) + v);
  }
}

// The same for x - mean and its square.
inline __attribute__((always_inline)) void norm_add_deviations(index_t rows, index_t stride, index_t count,
                                                               const SPANKEY_SCALAR* x, const float* mean,
                                                               float* sum, float* squares) {
  for (index_t j = 0; j < count; j += SPANKEY_LANES) {
    const index_t n = count - j;
    const lanes m = load_lanes(mean + j, n);
    const lanes a = load_lanes(x + j, n) - m;
    lanes s = a, q = a * a;
    if (rows == 4) {
      const lanes b = load_lanes(x + stride + j, n) - m, c = load_lanes(x + 2 * stride + j, n) - m,
                  d = load_lanes(x + 3 * stride + j, n) - m;
      s = (a + b) + (c + d);
      q = (q + b * b) + (c * c + d * d);
    }
    store_lanes(sum + j, n, load_lanes(sum + j, n) + s);
    store_lanes(squares + j, n, load_lanes(squares + j, n) + q);
  }
}

// out: mean of the block (first period), what rounding left of it (second), sum of squared deviations (third).
inline void norm_moments(const norm_rows& r, const SPANKEY_SCALAR* x, float* out) {
  float* const mean = out;
  float* const sum = out + r.period;
  float* const squares = sum + r.period;
  std::fill_n(out, 3 * r.period, 0.0F);
  const float rows = static_cast<float>(r.rows());

  const SPANKEY_SCALAR* at = x;
  index_t left = r.periods;
  for (; left >= 4; left -= 4, at += 4 * r.period) norm_add_rows(4, r.period, r.period, at, mean);
  for (; left > 0; --left, at += r.period) norm_add_rows(1, r.period, r.period, at, mean);
  norm_add_rows(1, r.period, r.rest, at, mean);
  norm_fold(r, mean);
  for (index_t i = 0; i < r.channels; ++i) mean[i] /= rows;
  for (index_t j = r.channels; j < r.period; ++j) mean[j] = mean[j - r.channels];

  at = x;
  left = r.periods;
  for (; left >= 4; left -= 4, at += 4 * r.period)
    norm_add_deviations(4, r.period, r.period, at, mean, sum, squares);
  for (; left > 0; --left, at += r.period) norm_add_deviations(1, r.period, r.period, at, mean, sum, squares);
  norm_add_deviations(1, r.period, r.rest, at, mean, sum, squares);
  norm_fold(r, sum);
  norm_fold(r, squares);
  for (index_t i = 0; i < r.channels; ++i) {
    squares[i] -= sum[i] * sum[i] / rows;
    sum[i] /= rows;
  }
}

// y = (x - mean) scale + beta (+ residual), then ReLU where wanted: false for a NaN, which therefore stays.
inline __attribute__((always_inline)) void norm_apply_any(const norm_rows& r, const SPANKEY_SCALAR* x,
                                                          const SPANKEY_SCALAR* residual, const float* affine,
                                                          SPANKEY_SCALAR* y, bool add, bool relu) {
  const lanes zero = {};
  const float *const mean = affine, *const scale = mean + r.period, *const beta = scale + r.period;
  index_t first = 0;
  for (index_t row = 0; row <= r.periods; ++row, first += r.period) {
    const index_t count = row < r.periods ? r.period : r.rest;
    for (index_t j = 0; j < count; j += SPANKEY_LANES) {
      const index_t n = count - j;
      lanes z = (load_lanes(x + first + j, n) - load_lanes(mean + j, n)) * load_lanes(scale + j, n) +
                load_lanes(beta + j, n);
      if (add) z += load_lanes(residual + first + j, n);
      store_lanes(y + first + j, n, relu ? (z < zero ? zero : z) : z);
    }
  }
}
inline void norm_apply(const norm_rows& r, const SPANKEY_SCALAR* x, const SPANKEY_SCALAR* residual,
                       const float* affine, bool relu, SPANKEY_SCALAR* y) {
  if (residual == nullptr) {
    if (relu) return norm_apply_any(r, x, residual, affine, y, false, true);
    return norm_apply_any(r, x, residual, affine, y, false, false);
  }
  if (relu) return norm_apply_any(r, x, residual, affine, y, true, true);
  norm_apply_any(r, x, residual, affine, y, true, false);
}

// One to four rows: dy masked where y <= 0 (y null: not at all); sum += dy, dot += dy (x - mean).
inline __attribute__((always_inline)) void norm_add_gradients(index_t rows, index_t stride, index_t count,
                                                              const SPANKEY_SCALAR* x,
                                                              const SPANKEY_SCALAR* y, const float* mean,
                                                              SPANKEY_SCALAR* dy, float* sum, float* dot) {
  const lanes zero = {};
  for (index_t j = 0; j < count; j += SPANKEY_LANES) {
    const index_t n = count - j;
    const lanes m = load_lanes(mean + j, n);
    lanes s = zero, d = zero;
#pragma GCC unroll 4
    for (index_t row = 0; row < rows; ++row) {
      const index_t at = row * stride + j;
      lanes g = load_lanes(dy + at, n);
      if (y != nullptr) {
        g = load_lanes(y + at, n) <= zero ? zero : g;
        store_lanes(dy + at, n, g);
      }
      s += g;
      d += g * (load_lanes(x + at, n) - m);
    }
    store_lanes(sum + j, n, load_lanes(sum + j, n) + s);
    store_lanes(dot + j, n, load_lanes(dot + j, n) + d);
  }
}

// Masks dy in place; out: sum of dy (first period), sum of dy (x - mean) (second).
inline void norm_gradient_sums(const norm_rows& r, const SPANKEY_SCALAR* x, const SPANKEY_SCALAR* y,
                               const float* mean, SPANKEY_SCALAR* dy, float* out) {
  float* const dot = out + r.period;
  std::fill_n(out, 2 * r.period, 0.0F);
  index_t left = r.periods;
  while (left > 0) {
    const index_t rows = left >= 4 ? 4 : 1, next = rows * r.period;
    if (rows == 4) {
      norm_add_gradients(4, r.period, r.period, x, y, mean, dy, out, dot);
    } else {
      norm_add_gradients(1, r.period, r.period, x, y, mean, dy, out, dot);
    }
    left -= rows;
    x += next;
    dy += next;
    if (y != nullptr) y += next;
  }
  norm_add_gradients(1, r.period, r.rest, x, y, mean, dy, out, dot);
  norm_fold(r, out);
  norm_fold(r, dot);
}

// dx = scale (dy - shift) + slope (x - mean).
inline void norm_data_gradient(const norm_rows& r, const SPANKEY_SCALAR* x, const SPANKEY_SCALAR* dy,
                               const float* coefficients, SPANKEY_SCALAR* dx) {
  const float *const mean = coefficients, *const scale = mean + r.period, *const shift = scale + r.period,
                     *const slope = shift + r.period;
  index_t first = 0;
  for (index_t row = 0; row <= r.periods; ++row, first += r.period) {
    const index_t count = row < r.periods ? r.period : r.rest;
    for (index_t j = 0; j < count; j += SPANKEY_LANES) {
      const index_t n = count - j;
      store_lanes(dx + first + j, n,
                  load_lanes(scale + j, n) * (load_lanes(dy + first + j, n) - load_lanes(shift + j, n)) +
                      load_lanes(slope + j, n) * (load_lanes(x + first + j, n) - load_lanes(mean + j, n)));
    }
  }
}
