// Windows into Winograd's domain, sums and gradients out of it and into it, for activations of SPANKEY_SCALAR and outputs of
// SIDE x SIDE; see conv2d_winograd.hpp. Columns are channels; a transformed window is one row a point, `step` elements apart.
#define WINDOW (SIDE + 2)

// v = B^T d B of a window given by the addresses of its pixels.
inline void winograd_input(winograd<SIDE>, const SPANKEY_SCALAR* const* pixel, index_t columns,
                           SPANKEY_SCALAR* v, index_t step) {
  for (index_t c = 0; c < columns; c += SPANKEY_LANES) {
    const index_t n = columns - c;
    lanes half[WINDOW][WINDOW];
#pragma GCC unroll 6
    for (int w = 0; w < WINDOW; ++w) {
      lanes d[WINDOW], line[WINDOW];
#pragma GCC unroll 6
      for (int h = 0; h < WINDOW; ++h) d[h] = load_lanes(pixel[h * WINDOW + w] + c, n);
      winograd_window_line(d, line);
#pragma GCC unroll 6
      for (int h = 0; h < WINDOW; ++h) half[h][w] = line[h];
    }
#pragma GCC unroll 6
    for (int h = 0; h < WINDOW; ++h) {
      lanes line[WINDOW];
      winograd_window_line(half[h], line);
#pragma GCC unroll 6
      for (int w = 0; w < WINDOW; ++w) store_lanes(v + (h * WINDOW + w) * step + c, n, line[w]);
    }
  }
}

// to = start + A^T m A, the outputs of one window; start null: to += A^T m A.
inline void winograd_output(winograd<SIDE>, const float* m, index_t step, index_t columns, const float* start,
                            SPANKEY_SCALAR* const* to) {
  for (index_t o = 0; o < columns; o += SPANKEY_LANES) {
    const index_t n = columns - o;
    lanes half[SIDE][WINDOW];
#pragma GCC unroll 6
    for (int w = 0; w < WINDOW; ++w) {
      lanes sum[WINDOW], line[SIDE];
#pragma GCC unroll 6
      for (int h = 0; h < WINDOW; ++h)
        sum[h] = *reinterpret_cast<const lanes*>(m + (h * WINDOW + w) * step + o);
      winograd_output_line(sum, line);
#pragma GCC unroll 6
      for (int h = 0; h < SIDE; ++h) half[h][w] = line[h];
    }
#pragma GCC unroll 6
    for (int h = 0; h < SIDE; ++h) {
      lanes line[SIDE];
      winograd_output_line(half[h], line);
#pragma GCC unroll 6
      for (int w = 0; w < SIDE; ++w) {
        SPANKEY_SCALAR* const pixel = to[h * SIDE + w] + o;
        const lanes before = start != nullptr ? load_lanes(start + o, n) : load_lanes(pixel, n);
        store_lanes(pixel, n, before + line[w]);
      }
    }
  }
}

// d = A dy A^T: the adjoint of winograd_output; columns are whole registers.
inline void winograd_output_adjoint(winograd<SIDE>, const SPANKEY_SCALAR* const* pixel, index_t columns,
                                    SPANKEY_SCALAR* d, index_t step) {
  for (index_t o = 0; o < columns; o += SPANKEY_LANES) {
    lanes half[WINDOW][SIDE];
#pragma GCC unroll 6
    for (int w = 0; w < SIDE; ++w) {
      lanes dy[SIDE], line[WINDOW];
#pragma GCC unroll 6
      for (int h = 0; h < SIDE; ++h) dy[h] = load_lanes(pixel[h * SIDE + w] + o, SPANKEY_LANES);
      winograd_gradient_line(dy, line);
#pragma GCC unroll 6
      for (int h = 0; h < WINDOW; ++h) half[h][w] = line[h];
    }
#pragma GCC unroll 6
    for (int h = 0; h < WINDOW; ++h) {
      lanes line[WINDOW];
      winograd_gradient_line(half[h], line);
#pragma GCC unroll 6
      for (int w = 0; w < WINDOW; ++w) store_lanes(d + (h * WINDOW + w) * step + o, SPANKEY_LANES, line[w]);
    }
  }
}

#undef WINDOW
