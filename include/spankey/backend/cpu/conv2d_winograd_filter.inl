// Filters into Winograd's domain and their gradients back, for outputs of WINOGRAD_SIDE x WINOGRAD_SIDE; see conv2d_winograd.hpp. Columns are
// channels, a multiple of SPANKEY_LANES; a transformed filter is one row a point, `step` floats apart.
#define WINOGRAD_WINDOW (WINOGRAD_SIDE + 2)

// u = G g G^T of `columns` filters; tap (kh, kw) of a filter lies at g + (3 kh + kw) * step_in.
inline void winograd_filter(winograd<WINOGRAD_SIDE>, const float* g, index_t step_in, index_t columns,
                            float* u, index_t step) {
  for (index_t o = 0; o < columns; o += SPANKEY_LANES) {
    lanes half[WINOGRAD_WINDOW][3];
#pragma GCC unroll 6
    for (int kw = 0; kw < 3; ++kw) {
      lanes taps[3], line[WINOGRAD_WINDOW];
#pragma GCC unroll 6
      for (int kh = 0; kh < 3; ++kh)
        taps[kh] = *reinterpret_cast<const lanes*>(g + (3 * kh + kw) * step_in + o);
      winograd_filter_line(taps, line);
#pragma GCC unroll 6
      for (int h = 0; h < WINOGRAD_WINDOW; ++h) half[h][kw] = line[h];
    }
#pragma GCC unroll 6
    for (int h = 0; h < WINOGRAD_WINDOW; ++h) {
      lanes line[WINOGRAD_WINDOW];
      winograd_filter_line(half[h], line);
#pragma GCC unroll 6
      for (int w = 0; w < WINOGRAD_WINDOW; ++w)
        *reinterpret_cast<lanes*>(u + (h * WINOGRAD_WINDOW + w) * step + o) = line[w];
    }
  }
}

// dg += G^T (du_0 + du_1 + ...) G: the adjoint of winograd_filter. Part i of du lies i * part_step further on.
inline void winograd_filter_adjoint(winograd<WINOGRAD_SIDE>, const float* du, index_t step, index_t parts,
                                    index_t part_step, index_t columns, float* dg, index_t step_out) {
  for (index_t o = 0; o < columns; o += SPANKEY_LANES) {
    lanes half[3][WINOGRAD_WINDOW];
#pragma GCC unroll 6
    for (int w = 0; w < WINOGRAD_WINDOW; ++w) {
      lanes sum[WINOGRAD_WINDOW] = {}, line[3];
      for (index_t part = 0; part < parts; ++part) {
        const float* const from = du + part * part_step + w * step + o;
#pragma GCC unroll 6
        for (int h = 0; h < WINOGRAD_WINDOW; ++h)
          sum[h] += *reinterpret_cast<const lanes*>(from + WINOGRAD_WINDOW * h * step);
      }
      winograd_filter_adjoint_line(sum, line);
#pragma GCC unroll 6
      for (int kh = 0; kh < 3; ++kh) half[kh][w] = line[kh];
    }
#pragma GCC unroll 6
    for (int kh = 0; kh < 3; ++kh) {
      lanes line[3];
      winograd_filter_adjoint_line(half[kh], line);
#pragma GCC unroll 6
      for (int kw = 0; kw < 3; ++kw) *reinterpret_cast<lanes*>(dg + (3 * kh + kw) * step_out + o) += line[kw];
    }
  }
}

#undef WINOGRAD_WINDOW
