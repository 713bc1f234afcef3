// Rows of max pooling with any window; see pool2d.hpp.

typedef int places __attribute__((vector_size(4 * SPANKEY_LANES)));

// Where `next` takes over from the maximum so far: it is larger, or a NaN.
#define SPANKEY_TAKES_OVER(next, best) (((next) > (best)) | ((next) != (next)))

// The maximum of a window for the channels from x on, of which `n` are left: whole vectors know it when they are compiled.
inline __attribute__((always_inline)) lanes pool_window(const SPANKEY_SCALAR* x, index_t row,
                                                        index_t channels, const pool2d_problem::range& rows,
                                                        const pool2d_problem::range& columns, index_t n) {
  lanes best = lanes{} - __builtin_inff();
  for (index_t h = rows.begin; h < rows.end; ++h)
    for (index_t w = columns.begin; w < columns.end; ++w) {
      const lanes next = load_lanes(x + h * row + w * channels, n);
      best = SPANKEY_TAKES_OVER(next, best) ? next : best;
    }
  return best;
}

// Row `oh` of y from one image.
inline void pool_window_row(const pool2d_problem& p, index_t oh, const SPANKEY_SCALAR* x, SPANKEY_SCALAR* y) {
  const index_t channels = p.in.channels, row = p.in.width * channels;
  const pool2d_problem::range rows = p.places_of(oh, p.in.height);
  for (index_t ow = 0; ow < p.out.width; ++ow, y += channels) {
    const pool2d_problem::range columns = p.places_of(ow, p.in.width);
    index_t c = 0;
    for (; c + SPANKEY_LANES <= channels; c += SPANKEY_LANES)
      store_lanes(y + c, SPANKEY_LANES, pool_window(x + c, row, channels, rows, columns, SPANKEY_LANES));
    if (c < channels)
      store_lanes(y + c, channels - c, pool_window(x + c, row, channels, rows, columns, channels - c));
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
// dx of a stretch of row `ih` for the channels from the pointers on: sums stay in float until every window that holds their
// column has been seen.
inline __attribute__((always_inline)) void pool_stretch_gradient(const pool2d_problem& p, index_t ih,
                                                                 const pool_stretch& s,
                                                                 const SPANKEY_SCALAR* x,
                                                                 const SPANKEY_SCALAR* dy, SPANKEY_SCALAR* dx,
                                                                 index_t n) {
  const index_t channels = p.in.channels, row = p.in.width * channels;
  const lanes zero = {};
  lanes sum[pool_stretch::most] = {};
  for (index_t oh = s.window_rows.begin; oh < s.window_rows.end; ++oh) {
    const pool2d_problem::range rows = p.places_of(oh, p.in.height);
    for (index_t ow = s.window_columns.begin; ow < s.window_columns.end; ++ow) {
      const pool2d_problem::range columns = p.places_of(ow, p.in.width);
      const places at = pool_maximum(x, row, channels, rows, columns, n);
      const lanes g = load_lanes(dy + (oh * p.out.width + ow) * channels, n);
      const index_t first = columns.begin < s.columns.begin ? s.columns.begin : columns.begin,
                    last = columns.end < s.columns.end ? columns.end : s.columns.end;
      int place = static_cast<int>((ih - rows.begin) * (columns.end - columns.begin) + first - columns.begin);
      for (index_t w = first; w < last; ++w, ++place) sum[w - s.columns.begin] += at == place ? g : zero;
    }
  }
  for (index_t w = s.columns.begin; w < s.columns.end; ++w)
    store_lanes(dx + w * channels, n, sum[w - s.columns.begin]);
}

// Row `ih` of dx, some columns at a time.
inline void pool_window_row_gradient(const pool2d_problem& p, index_t ih, const SPANKEY_SCALAR* x,
                                     const SPANKEY_SCALAR* dy, SPANKEY_SCALAR* dx) {
  const index_t channels = p.in.channels, width = p.in.width;
  for (index_t begin = 0; begin < width; begin += pool_stretch::most) {
    const index_t end = width - begin < pool_stretch::most ? width : begin + pool_stretch::most;
    const pool_stretch s{{begin, end},
                         p.windows_at(ih, p.out.height),
                         {p.windows_at(begin, p.out.width).begin, p.windows_at(end - 1, p.out.width).end}};
    index_t c = 0;
    for (; c + SPANKEY_LANES <= channels; c += SPANKEY_LANES)
      pool_stretch_gradient(p, ih, s, x + c, dy + c, dx + c, SPANKEY_LANES);
    if (c < channels) pool_stretch_gradient(p, ih, s, x + c, dy + c, dx + c, channels - c);
  }
}
#undef SPANKEY_TAKES_OVER
