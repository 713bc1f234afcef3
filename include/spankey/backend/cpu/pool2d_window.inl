// Rows of max pooling with any window; see pool2d.hpp.

typedef int places __attribute__((vector_size(4 * SPANKEY_LANES)));

// Where `next` takes over from the maximum so far: it is larger, or a NaN.
#define SPANKEY_TAKES_OVER(next, best) (((next) > (best)) | ((next) != (next)))

// Row `oh` of y from one image.
inline void pool_window_row(const pool2d_problem& p, index_t oh, const SPANKEY_SCALAR* x, SPANKEY_SCALAR* y) {
  const index_t channels = p.in.channels, row = p.in.width * channels;
  const pool2d_problem::range rows = p.places_of(oh, p.in.height);
  for (index_t ow = 0; ow < p.out.width; ++ow, y += channels) {
    const pool2d_problem::range columns = p.places_of(ow, p.in.width);
    for (index_t c = 0; c < channels; c += SPANKEY_LANES) {
      const index_t n = channels - c;
      lanes best = lanes{} - __builtin_inff();
      for (index_t h = rows.begin; h < rows.end; ++h)
        for (index_t w = columns.begin; w < columns.end; ++w) {
          const lanes next = load_lanes(x + h * row + w * channels + c, n);
          best = SPANKEY_TAKES_OVER(next, best) ? next : best;
        }
      store_lanes(y + c, n, best);
    }
  }
}

// Which place of a window, counted in rows of its places inside the image, holds its maximum.
inline __attribute__((always_inline)) places pool_maximum(const SPANKEY_SCALAR* x, index_t row,
                                                          index_t channels, const pool2d_problem::range& rows,
                                                          const pool2d_problem::range& columns, index_t n) {
  lanes best = lanes{} - __builtin_inff();
  places at = {};
  int place = 0;
  for (index_t h = rows.begin; h < rows.end; ++h)
    for (index_t w = columns.begin; w < columns.end; ++w, ++place) {
      const lanes next = load_lanes(x + h * row + w * channels, n);
      const places takes_over = SPANKEY_TAKES_OVER(next, best);
      best = takes_over ? next : best;
      at = takes_over ? places{} + place : at;
    }
  return at;
}
#undef SPANKEY_TAKES_OVER

// Row `ih` of dx, some columns at a time: their sums stay in float until every window that holds them has been seen.
inline void pool_window_row_gradient(const pool2d_problem& p, index_t ih, const SPANKEY_SCALAR* x,
                                     const SPANKEY_SCALAR* dy, SPANKEY_SCALAR* dx) {
  constexpr index_t stretch = 32;
  const index_t channels = p.in.channels, row = p.in.width * channels;
  const pool2d_problem::range windows = p.windows_at(ih, p.out.height);
  for (index_t begin = 0; begin < p.in.width; begin += stretch) {
    const index_t end = p.in.width - begin < stretch ? p.in.width : begin + stretch;
    const index_t first = p.windows_at(begin, p.out.width).begin,
                  last = p.windows_at(end - 1, p.out.width).end;
    for (index_t c = 0; c < channels; c += SPANKEY_LANES) {
      const index_t n = channels - c;
      lanes sum[stretch] = {};
      for (index_t oh = windows.begin; oh < windows.end; ++oh) {
        const pool2d_problem::range rows = p.places_of(oh, p.in.height);
        for (index_t ow = first; ow < last; ++ow) {
          const pool2d_problem::range columns = p.places_of(ow, p.in.width);
          const places at = pool_maximum(x + c, row, channels, rows, columns, n);
          const lanes g = load_lanes(dy + (oh * p.out.width + ow) * channels + c, n), zero = {};
          int place = static_cast<int>((ih - rows.begin) * (columns.end - columns.begin));
          for (index_t w = columns.begin; w < columns.end; ++w, ++place)
            if (w >= begin && w < end) sum[w - begin] += at == place ? g : zero;
        }
      }
      for (index_t w = begin; w < end; ++w) store_lanes(dx + w * channels + c, n, sum[w - begin]);
    }
  }
}
