// Windows into Winograd's domain, sums and gradients out of it and into it, for activations of SPANKEY_SCALAR and outputs of
// WINOGRAD_SIDE x WINOGRAD_SIDE; see conv2d_winograd.hpp. Columns are channels; a transformed window is one row a point, `step` elements apart.
#define WINOGRAD_WINDOW (WINOGRAD_SIDE + 2)

// v = B^T d B of a window given by the addresses of its pixels.
inline void winograd_input(winograd<WINOGRAD_SIDE>, const SPANKEY_SCALAR* const* pixel, index_t columns,
                           SPANKEY_SCALAR* v, index_t step) {
  for (index_t c = 0; c < columns; c += SPANKEY_LANES) {
    const index_t n = columns - c;
    lanes half[WINOGRAD_WINDOW][WINOGRAD_WINDOW];
#pragma GCC unroll 6
    for (int w = 0; w < WINOGRAD_WINDOW; ++w) {
      lanes d[WINOGRAD_WINDOW], line[WINOGRAD_WINDOW];
#pragma GCC unroll 6
      for (int h = 0; h < WINOGRAD_WINDOW; ++h) d[h] = load_lanes(pixel[h * WINOGRAD_WINDOW + w] + c, n);
      winograd_window_line(d, line);
#pragma GCC unroll 6
      for (int h = 0; h < WINOGRAD_WINDOW; ++h) half[h][w] = line[h];
    }
#pragma GCC unroll 6
    for (int h = 0; h < WINOGRAD_WINDOW; ++h) {
      lanes line[WINOGRAD_WINDOW];
      winograd_window_line(half[h], line);
#pragma GCC unroll 6
      for (int w = 0; w < WINOGRAD_WINDOW; ++w)
        store_lanes(v + (h * WINOGRAD_WINDOW + w) * step + c, n, line[w]);
    }
  }
}

// to = start + A^T m A, the outputs of one window; start null: to += A^T m A.
inline void winograd_output(winograd<WINOGRAD_SIDE>, const float* m, index_t step, index_t columns,
                            const float* start, SPANKEY_SCALAR* const* to) {
  for (index_t o = 0; o < columns; o += SPANKEY_LANES) {
    const index_t n = columns - o;
    lanes half[WINOGRAD_SIDE][WINOGRAD_WINDOW];
#pragma GCC unroll 6
    for (int w = 0; w < WINOGRAD_WINDOW; ++w) {
      lanes sum[WINOGRAD_WINDOW], line[WINOGRAD_SIDE];
#pragma GCC unroll 6
      for (int h = 0; h < WINOGRAD_WINDOW; ++h)
        sum[h] = *reinterpret_cast<const lanes*>(m + (h * WINOGRAD_WINDOW + w) * step + o);
      winograd_output_line(sum, line);
#pragma GCC unroll 6
      for (int h = 0; h < WINOGRAD_SIDE; ++h) half[h][w] = line[h];
    }
#pragma GCC unroll 6
    for (int h = 0; h < WINOGRAD_SIDE; ++h) {
      lanes line[WINOGRAD_SIDE];
      winograd_output_line(half[h], line);
#pragma GCC unroll 6
      for (int w = 0; w < WINOGRAD_SIDE; ++w) {
        SPANKEY_SCALAR* const pixel = to[h * WINOGRAD_SIDE + w] + o;
        const lanes before = start != nullptr ? load_lanes(start + o, n) : load_lanes(pixel, n);
        store_lanes(pixel, n, before + line[w]);
      }
    }
  }
}

// d = A dy A^T: the adjoint of winograd_output; columns are whole registers.
inline void winograd_output_adjoint(winograd<WINOGRAD_SIDE>, const SPANKEY_SCALAR* const* pixel,
                                    index_t columns, SPANKEY_SCALAR* d, index_t step) {
  for (index_t o = 0; o < columns; o += SPANKEY_LANES) {
    lanes half[WINOGRAD_WINDOW][WINOGRAD_SIDE];
#pragma GCC unroll 6
    for (int w = 0; w < WINOGRAD_SIDE; ++w) {
      lanes dy[WINOGRAD_SIDE], line[WINOGRAD_WINDOW];
#pragma GCC unroll 6
      for (int h = 0; h < WINOGRAD_SIDE; ++h)
        dy[h] = load_lanes(pixel[h * WINOGRAD_SIDE + w] + o, SPANKEY_LANES);
      winograd_gradient_line(dy, line);
#pragma GCC unroll 6
      for (int h = 0; h < WINOGRAD_WINDOW; ++h) half[h][w] = line[h];
    }
#pragma GCC unroll 6
    for (int h = 0; h < WINOGRAD_WINDOW; ++h) {
      lanes line[WINOGRAD_WINDOW];
      winograd_gradient_line(half[h], line);
#pragma GCC unroll 6
      for (int w = 0; w < WINOGRAD_WINDOW; ++w)
        store_lanes(d + (h * WINOGRAD_WINDOW + w) * step + o, SPANKEY_LANES, line[w]);
    }
  }
}

#undef WINOGRAD_WINDOW
