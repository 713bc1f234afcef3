// The transforms of Winograd's F(2x2, 3x3) and their adjoints, for activations of SPANKEY_SCALAR; see
// conv2d_winograd.hpp. Columns are channels; a transformed tile is 16 rows that lie `step` elements apart.

// v = B^T d B of a 4 x 4 window given by the addresses of its 16 pixels.
inline void winograd_input(const SPANKEY_SCALAR* const* pixel, index_t columns, SPANKEY_SCALAR* v,
                           index_t step) {
  for (index_t c = 0; c < columns; c += SPANKEY_LANES) {
    const index_t n = columns - c;
    lanes half[4][4];
#pragma GCC unroll 4
    for (int w = 0; w < 4; ++w) {
      const lanes d0 = load_lanes(pixel[w] + c, n);
      const lanes d1 = load_lanes(pixel[4 + w] + c, n);
      const lanes d2 = load_lanes(pixel[8 + w] + c, n);
      const lanes d3 = load_lanes(pixel[12 + w] + c, n);
      half[0][w] = d0 - d2;
      half[1][w] = d1 + d2;
      half[2][w] = d2 - d1;
      half[3][w] = d1 - d3;
    }
#pragma GCC unroll 4
    for (int row = 0; row < 4; ++row) {
      SPANKEY_SCALAR* const to = v + 4 * row * step + c;
      store_lanes(to, n, half[row][0] - half[row][2]);
      store_lanes(to + step, n, half[row][1] + half[row][2]);
      store_lanes(to + 2 * step, n, half[row][2] - half[row][1]);
      store_lanes(to + 3 * step, n, half[row][1] - half[row][3]);
    }
  }
}

// to = start + A^T m A, the 2 x 2 outputs of one tile; start null: to += A^T m A.
inline void winograd_output(const float* m, index_t step, index_t columns, const float* start,
                            SPANKEY_SCALAR* const* to) {
  for (index_t o = 0; o < columns; o += SPANKEY_LANES) {
    const index_t n = columns - o;
    lanes half[2][4];
#pragma GCC unroll 4
    for (int w = 0; w < 4; ++w) {
      const lanes m0 = *reinterpret_cast<const lanes*>(m + w * step + o);
      const lanes m1 = *reinterpret_cast<const lanes*>(m + (4 + w) * step + o);
      const lanes m2 = *reinterpret_cast<const lanes*>(m + (8 + w) * step + o);
      const lanes m3 = *reinterpret_cast<const lanes*>(m + (12 + w) * step + o);
      half[0][w] = m0 + m1 + m2;
      half[1][w] = m1 - m2 - m3;
    }
#pragma GCC unroll 4
    for (int pixel = 0; pixel < 4; ++pixel) {
      const lanes* const row = half[pixel / 2];
      const lanes sum = pixel % 2 == 0 ? row[0] + row[1] + row[2] : row[1] - row[2] - row[3];
      const lanes before =
          start != nullptr ? load_lanes(start + o, n) : load_lanes(to[pixel] + o, n);
      store_lanes(to[pixel] + o, n, before + sum);
    }
  }
}

// d = A dy A^T: the adjoint of winograd_output, for the 2 x 2 gradients of one tile; columns are whole registers.
inline void winograd_output_adjoint(const SPANKEY_SCALAR* const* pixel, index_t columns, SPANKEY_SCALAR* d,
                                    index_t step) {
  for (index_t o = 0; o < columns; o += SPANKEY_LANES) {
    lanes half[4][2];
#pragma GCC unroll 2
    for (int w = 0; w < 2; ++w) {
      const lanes top = load_lanes(pixel[w] + o, SPANKEY_LANES);
      const lanes bottom = load_lanes(pixel[2 + w] + o, SPANKEY_LANES);
      half[0][w] = top;
      half[1][w] = top + bottom;
      half[2][w] = top - bottom;
      half[3][w] = -bottom;
    }
#pragma GCC unroll 4
    for (int row = 0; row < 4; ++row) {
      SPANKEY_SCALAR* const to = d + 4 * row * step + o;
      store_lanes(to, SPANKEY_LANES, half[row][0]);
      store_lanes(to + step, SPANKEY_LANES, half[row][0] + half[row][1]);
      store_lanes(to + 2 * step, SPANKEY_LANES, half[row][0] - half[row][1]);
      store_lanes(to + 3 * step, SPANKEY_LANES, -half[row][1]);
    }
  }
}
