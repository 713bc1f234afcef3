// Runs of a depthwise convolution; see conv2d_depthwise.hpp. `n` says how many channels are left; whole vectors know it
// when they are compiled.

// One or four targets for the channels from the pointers on: four share every weight that is loaded.
inline __attribute__((always_inline)) void depthwise_sums(index_t count, index_t n, const depthwise_run& r,
                                                          const SPANKEY_SCALAR* source, const float* w,
                                                          const float* start, bool accumulate,
                                                          SPANKEY_SCALAR* target) {
  lanes sum[4] = {};
#pragma GCC unroll 4
  for (index_t i = 0; i < count; ++i) {
    if (start != nullptr) {
      sum[i] = load_lanes(start, n);
    } else if (accumulate) {
      sum[i] = load_lanes(target + i * r.target_step, n);
    }
  }
  for (index_t row = 0; row < r.rows; ++row)
    for (index_t column = 0; column < r.columns; ++column) {
      const lanes weight = load_lanes(w + row * r.weight_row + column * r.weight_column, n);
      const SPANKEY_SCALAR* const tap = source + row * r.source_row + column * r.channels;
#pragma GCC unroll 4
      for (index_t i = 0; i < count; ++i) sum[i] += load_lanes(tap + i * r.source_step, n) * weight;
    }
#pragma GCC unroll 4
  for (index_t i = 0; i < count; ++i) store_lanes(target + i * r.target_step, n, sum[i]);
}

inline __attribute__((always_inline)) void depthwise_pixels(index_t count, const depthwise_run& r,
                                                            const SPANKEY_SCALAR* source, const float* w,
                                                            const float* start, bool accumulate,
                                                            SPANKEY_SCALAR* target) {
  index_t c = 0;
  for (; c + SPANKEY_LANES <= r.channels; c += SPANKEY_LANES)
    depthwise_sums(count, SPANKEY_LANES, r, source + c, w + c, start != nullptr ? start + c : start,
                   accumulate, target + c);
  if (c < r.channels)
    depthwise_sums(count, r.channels - c, r, source + c, w + c, start != nullptr ? start + c : start,
                   accumulate, target + c);
}

// target = start (null: 0, or target itself with `accumulate`) + the products of the run's taps.
inline void depthwise_targets(const depthwise_run& r, const SPANKEY_SCALAR* source, const float* w,
                              const float* start, bool accumulate, SPANKEY_SCALAR* target) {
  index_t i = 0;
  for (; i + 4 <= r.pixels; i += 4)
    depthwise_pixels(4, r, source + i * r.source_step, w, start, accumulate, target + i * r.target_step);
  for (; i < r.pixels; ++i)
    depthwise_pixels(1, r, source + i * r.source_step, w, start, accumulate, target + i * r.target_step);
}

// dw += the products of x and dy of a run for `columns` neighbouring taps.
inline __attribute__((always_inline)) void depthwise_add_taps(index_t columns, index_t n,
                                                              const depthwise_run& r, const SPANKEY_SCALAR* x,
                                                              const SPANKEY_SCALAR* dy, float* dw) {
  lanes sum[4];
#pragma GCC unroll 4
  for (index_t i = 0; i < columns; ++i) sum[i] = load_lanes(dw + i * r.weight_column, n);
  for (index_t pixel = 0; pixel < r.pixels; ++pixel, x += r.source_step, dy += r.target_step) {
    const lanes g = load_lanes(dy, n);
#pragma GCC unroll 4
    for (index_t i = 0; i < columns; ++i) sum[i] += load_lanes(x + i * r.channels, n) * g;
  }
#pragma GCC unroll 4
  for (index_t i = 0; i < columns; ++i) store_lanes(dw + i * r.weight_column, n, sum[i]);
}

inline __attribute__((always_inline)) void depthwise_add_row(index_t n, const depthwise_run& r,
                                                             const SPANKEY_SCALAR* x,
                                                             const SPANKEY_SCALAR* dy, float* dw) {
  index_t column = 0;
  for (; column + 4 <= r.columns; column += 4)
    depthwise_add_taps(4, n, r, x + column * r.channels, dy, dw + column * r.weight_column);
  x += column * r.channels;
  dw += column * r.weight_column;
  switch (r.columns - column) {
    case 1:
      return depthwise_add_taps(1, n, r, x, dy, dw);
    case 2:
      return depthwise_add_taps(2, n, r, x, dy, dw);
    case 3:
      return depthwise_add_taps(3, n, r, x, dy, dw);
    default:
      return;
  }
}

// dw(tap) += sum over the run's pixels of x(tap's pixel) dy(pixel), for all its taps.
inline void depthwise_gradient(const depthwise_run& r, const SPANKEY_SCALAR* x, const SPANKEY_SCALAR* dy,
                               float* dw) {
  for (index_t row = 0; row < r.rows; ++row, x += r.source_row, dw += r.weight_row) {
    index_t c = 0;
    for (; c + SPANKEY_LANES <= r.channels; c += SPANKEY_LANES)
      depthwise_add_row(SPANKEY_LANES, r, x + c, dy + c, dw + c);
    if (c < r.channels) depthwise_add_row(r.channels - c, r, x + c, dy + c, dw + c);
  }
}
