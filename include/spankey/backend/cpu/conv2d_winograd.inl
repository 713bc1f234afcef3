// The transforms of Winograd's F(2x2, 3x3) and their adjoints; see conv2d_winograd.hpp. Columns are channels, a multiple of
// SPANKEY_LANES; a transformed tile is 16 rows that lie `step` floats apart.

// u = G g G^T of `columns` filters; tap (kh, kw) of a filter lies at g + (3 kh + kw) * step_in.
inline void winograd_filter(const float* g, index_t step_in, index_t columns, float* u, index_t step) {
  for (index_t o = 0; o < columns; o += SPANKEY_LANES) {
    lanes half[4][3];
#pragma GCC unroll 4
    for (int kw = 0; kw < 3; ++kw) {
      const lanes top = *reinterpret_cast<const lanes*>(g + kw * step_in + o);
      const lanes middle = *reinterpret_cast<const lanes*>(g + (3 + kw) * step_in + o);
      const lanes bottom = *reinterpret_cast<const lanes*>(g + (6 + kw) * step_in + o);
      half[0][kw] = top;
      half[1][kw] = (top + bottom + middle) * 0.5F;
      half[2][kw] = (top + bottom - middle) * 0.5F;
      half[3][kw] = bottom;
    }
#pragma GCC unroll 4
    for (int row = 0; row < 4; ++row) {
      float* const to = u + 4 * row * step + o;
      *reinterpret_cast<lanes*>(to) = half[row][0];
      *reinterpret_cast<lanes*>(to + step) = (half[row][0] + half[row][2] + half[row][1]) * 0.5F;
      *reinterpret_cast<lanes*>(to + 2 * step) = (half[row][0] + half[row][2] - half[row][1]) * 0.5F;
      *reinterpret_cast<lanes*>(to + 3 * step) = half[row][2];
    }
  }
}

// v = B^T d B of a 4 x 4 window given by the addresses of its 16 pixels.
inline void winograd_input(const float* const* pixel, index_t columns, float* v, index_t step) {
  for (index_t c = 0; c < columns; c += SPANKEY_LANES) {
    lanes half[4][4];
#pragma GCC unroll 4
    for (int w = 0; w < 4; ++w) {
      const lanes d0 = *reinterpret_cast<const lanes*>(pixel[w] + c);
      const lanes d1 = *reinterpret_cast<const lanes*>(pixel[4 + w] + c);
      const lanes d2 = *reinterpret_cast<const lanes*>(pixel[8 + w] + c);
      const lanes d3 = *reinterpret_cast<const lanes*>(pixel[12 + w] + c);
      half[0][w] = d0 - d2;
      half[1][w] = d1 + d2;
      half[2][w] = d2 - d1;
      half[3][w] = d1 - d3;
    }
#pragma GCC unroll 4
    for (int row = 0; row < 4; ++row) {
      float* const to = v + 4 * row * step + c;
      *reinterpret_cast<lanes*>(to) = half[row][0] - half[row][2];
      *reinterpret_cast<lanes*>(to + step) = half[row][1] + half[row][2];
      *reinterpret_cast<lanes*>(to + 2 * step) = half[row][2] - half[row][1];
      *reinterpret_cast<lanes*>(to + 3 * step) = half[row][1] - half[row][3];
    }
  }
}

// to = from + A^T m A: the 2 x 2 outputs of one tile.
inline void winograd_output(const float* m, index_t step, index_t columns, const float* const* from,
                            float* const* to) {
  for (index_t o = 0; o < columns; o += SPANKEY_LANES) {
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
    for (int row = 0; row < 2; ++row) {
      const lanes left = half[row][0] + half[row][1] + half[row][2];
      const lanes right = half[row][1] - half[row][2] - half[row][3];
      *reinterpret_cast<lanes*>(to[2 * row] + o) = *reinterpret_cast<const lanes*>(from[2 * row] + o) + left;
      *reinterpret_cast<lanes*>(to[2 * row + 1] + o) =
          *reinterpret_cast<const lanes*>(from[2 * row + 1] + o) + right;
    }
  }
}

// d = A dy A^T: the adjoint of winograd_output, for the 2 x 2 gradients of one tile.
inline void winograd_output_adjoint(const float* const* pixel, index_t columns, float* d, index_t step) {
  for (index_t o = 0; o < columns; o += SPANKEY_LANES) {
    lanes half[4][2];
#pragma GCC unroll 2
    for (int w = 0; w < 2; ++w) {
      const lanes top = *reinterpret_cast<const lanes*>(pixel[w] + o);
      const lanes bottom = *reinterpret_cast<const lanes*>(pixel[2 + w] + o);
      half[0][w] = top;
      half[1][w] = top + bottom;
      half[2][w] = top - bottom;
      half[3][w] = -bottom;
    }
#pragma GCC unroll 4
    for (int row = 0; row < 4; ++row) {
      float* const to = d + 4 * row * step + o;
      *reinterpret_cast<lanes*>(to) = half[row][0];
      *reinterpret_cast<lanes*>(to + step) = half[row][0] + half[row][1];
      *reinterpret_cast<lanes*>(to + 2 * step) = half[row][0] - half[row][1];
      *reinterpret_cast<lanes*>(to + 3 * step) = -half[row][1];
    }
  }
}

// dg += G^T (du_0 + du_1 + ...) G: the adjoint of winograd_filter. Part i of du lies i * part_step further on.
inline void winograd_filter_adjoint(const float* du, index_t step, index_t parts, index_t part_step,
                                    index_t columns, float* dg, index_t step_out) {
  for (index_t o = 0; o < columns; o += SPANKEY_LANES) {
    lanes half[3][4];
#pragma GCC unroll 4
    for (int w = 0; w < 4; ++w) {
      lanes m[4] = {};
      for (index_t part = 0; part < parts; ++part) {
        const float* const from = du + part * part_step + w * step + o;
#pragma GCC unroll 4
        for (int row = 0; row < 4; ++row) m[row] += *reinterpret_cast<const lanes*>(from + 4 * row * step);
      }
      half[0][w] = m[0] + (m[1] + m[2]) * 0.5F;
      half[1][w] = (m[1] - m[2]) * 0.5F;
      half[2][w] = (m[1] + m[2]) * 0.5F + m[3];
    }
#pragma GCC unroll 3
    for (int row = 0; row < 3; ++row) {
      float* const to = dg + 3 * row * step_out + o;
      *reinterpret_cast<lanes*>(to) += half[row][0] + (half[row][1] + half[row][2]) * 0.5F;
      *reinterpret_cast<lanes*>(to + step_out) += (half[row][1] - half[row][2]) * 0.5F;
      *reinterpret_cast<lanes*>(to + 2 * step_out) += (half[row][1] + half[row][2]) * 0.5F + half[row][3];
    }
  }
}
