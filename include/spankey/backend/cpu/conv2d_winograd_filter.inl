// Filters into Winograd's domain and their gradients back; see conv2d_winograd.hpp. Columns are channels, a multiple of
// SPANKEY_LANES; a transformed filter is 16 rows that lie `step` floats apart.

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
