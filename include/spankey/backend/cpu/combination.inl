// Tiles of up to 4 rows by as many vectors as leave registers free; see combination.hpp.
inline constexpr index_t combination_tile = SPANKEY_REGISTERS / 8 * SPANKEY_LANES;

// `whole`: all columns of the tile are there.
inline __attribute__((always_inline)) void combine_tile(const combination& k, const int rows, index_t row,
                                                        index_t column, const bool whole) {
  constexpr int vectors = SPANKEY_REGISTERS / 8;
  const auto left = [&](int v) { return whole ? SPANKEY_LANES : k.width - column - v * SPANKEY_LANES; };
  lanes sum[4][vectors] = {};
  for (index_t j = 0; j < k.m; ++j) {
    const float* const b = k.b + j * k.b_stride + column;
    lanes x[vectors];
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) x[v] = load_lanes(b + v * SPANKEY_LANES, left(v));
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
    for (int v = 0; v < vectors; ++v) store_lanes(out + v * SPANKEY_LANES, left(v), sum[i][v]);
  }
}

inline __attribute__((always_inline)) void combine_columns(const combination& k, const int rows, index_t row,
                                                           index_t begin, index_t end) {
  for (index_t column = begin; column < end; column += combination_tile) {
    if (column + combination_tile <= k.width)
      combine_tile(k, rows, row, column, true);
    else
      combine_tile(k, rows, row, column, false);
  }
}

// Some columns of every b_j at a time, which stay in the first-level cache for all rows.
inline void combine_rows(const combination* k) {
  constexpr index_t at_once = 128;
  for (index_t begin = 0; begin < k->width; begin += at_once) {
    const index_t end = begin + at_once < k->width ? begin + at_once : k->width;
    index_t row = 0;
    for (; row + 4 <= k->n; row += 4) combine_columns(*k, 4, row, begin, end);
    for (; row < k->n; ++row) combine_columns(*k, 1, row, begin, end);
  }
}
