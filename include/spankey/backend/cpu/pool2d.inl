// Rows and samples of the pooling kernels; see pool2d.hpp.

// Where `next` takes over from the maximum so far: it is larger, or a NaN.
#define SPANKEY_TAKES_OVER(next, best) (((next) > (best)) | ((next) != (next)))

inline void pool_max_row(index_t width, index_t channels, const SPANKEY_SCALAR* top,
                         const SPANKEY_SCALAR* bottom, SPANKEY_SCALAR* y) {
  for (index_t w = 0; w < width; ++w, top += 2 * channels, bottom += 2 * channels, y += channels)
    for (index_t c = 0; c < channels; c += SPANKEY_LANES) {
      const index_t n = channels - c;
      lanes best = load_lanes(top + c, n);
      for (const SPANKEY_SCALAR* at : {top + channels, bottom, bottom + channels}) {
        const lanes next = load_lanes(at + c, n);
        best = SPANKEY_TAKES_OVER(next, best) ? next : best;
      }
      store_lanes(y + c, n, best);
    }
}

// From the last element back: the gradient goes to the last one that took over from its predecessors.
inline void pool_max_row_gradient(index_t width, index_t channels, const SPANKEY_SCALAR* top,
                                  const SPANKEY_SCALAR* bottom, const SPANKEY_SCALAR* dy,
                                  SPANKEY_SCALAR* dtop, SPANKEY_SCALAR* dbottom) {
  const lanes zero = {};
  for (index_t w = 0; w < width; ++w)
    for (index_t c = 0; c < channels; c += SPANKEY_LANES) {
      const index_t n = channels - c, left = w * 2 * channels + c, right = left + channels;
      const lanes v0 = load_lanes(top + left, n), v1 = load_lanes(top + right, n),
                  v2 = load_lanes(bottom + left, n), v3 = load_lanes(bottom + right, n);
      const auto m1 = SPANKEY_TAKES_OVER(v1, v0);
      const lanes best1 = m1 ? v1 : v0;
      const auto m2 = SPANKEY_TAKES_OVER(v2, best1);
      const lanes best2 = m2 ? v2 : best1;
      const auto m3 = SPANKEY_TAKES_OVER(v3, best2);
      const lanes g3 = load_lanes(dy + w * channels + c, n);
      const lanes g2 = m3 ? zero : g3, g1 = m2 ? zero : g2;
      store_lanes(dbottom + right, n, m3 ? g3 : zero);
      store_lanes(dbottom + left, n, m2 ? g2 : zero);
      store_lanes(dtop + right, n, m1 ? g1 : zero);
      store_lanes(dtop + left, n, m1 ? zero : g1);
    }
}
#undef SPANKEY_TAKES_OVER

// Four sums side by side: shorter chains of additions, in time and in rounding.
inline void pool_mean(index_t pixels, index_t channels, const SPANKEY_SCALAR* x, SPANKEY_SCALAR* y) {
  for (index_t c = 0; c < channels; c += SPANKEY_LANES) {
    const index_t n = channels - c;
    lanes sum[4] = {};
    for (index_t i = 0; i < pixels; ++i) sum[i % 4] += load_lanes(x + i * channels + c, n);
    store_lanes(y + c, n, ((sum[0] + sum[1]) + (sum[2] + sum[3])) / static_cast<float>(pixels));
  }
}

inline void pool_mean_gradient(index_t pixels, index_t channels, const SPANKEY_SCALAR* dy,
                               SPANKEY_SCALAR* dx) {
  for (index_t i = 0; i < pixels; ++i)
    for (index_t c = 0; c < channels; c += SPANKEY_LANES)
      store_lanes(dx + i * channels + c, channels - c,
                  load_lanes(dy + c, channels - c) / static_cast<float>(pixels));
}
