// Tiles of up to 4 rows by as many vectors as leave registers free; see combination.hpp.
inline __attribute__((always_inline)) void combine_tile(const combination& k, const int rows, index_t row,
                                                        index_t column) {
  constexpr int vectors = SPANKEY_REGISTERS / 8;
  lanes sum[4][vectors] = {};
  for (index_t j = 0; j < k.m; ++j) {
    const float* const b = k.b + j * k.b_stride + column;
    lanes x[vectors];
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v)
      x[v] = load_lanes(b + v * SPANKEY_LANES, k.width - column - v * SPANKEY_LANES);
#pragma GCC unroll 4
    for (int i = 0; i < rows; ++i) {
      const float factor = k.c[(row + i) * k.m + j];
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v) sum[i][v] = x[v] * factor + sum[i][v];
    }
  }
#pragma GCC unroll 4
  for (int i = 0; i < rows; ++i) {
    float* const out = k.out + (row + i) * k.out_stride + column;
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v)
      store_lanes(out + v * SPANKEY_LANES, k.width - column - v * SPANKEY_LANES, sum[i][v]);
  }
}

inline void combine_rows(const combination* k) {
  for (index_t column = 0; column < k->width; column += SPANKEY_REGISTERS / 8 * SPANKEY_LANES) {
    index_t row = 0;
    for (; row + 4 <= k->n; row += 4) combine_tile(*k, 4, row, column);
    for (; row < k->n; ++row) combine_tile(*k, 1, row, column);
  }
}
