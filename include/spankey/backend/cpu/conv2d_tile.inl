// The two micro-kernels of the convolution for one tile shape and scalar: TILE_ROWS x (TILE_VECTORS * SPANKEY_LANES)
// sums in registers. Included by conv2d_tiles.inl once per shape. Sums start at 0 and meet what was there at the
// end: short chains of additions, so that rounding grows with the length of a slice, not of the whole sum.

// to(p, o) = from(p, o) + sum over pieces and k of source(p, k) * weights(k, o)
inline void TILE_NAME(conv2d_product)(const conv2d_pieces& sum, const TILE_SCALAR* const* source,
                                      const word_t<TILE_SCALAR>* weights, const float* const* from,
                                      float* const* to) {
  constexpr index_t terms = terms_of_word<TILE_SCALAR>;
  lanes total[TILE_ROWS][TILE_VECTORS] = {};
  for (index_t s = 0; s < sum.count; ++s) {
    const word_t<TILE_SCALAR>* w = weights + sum.piece[s].weights;
    const TILE_SCALAR* row[TILE_ROWS];
#pragma GCC unroll 16
    for (int p = 0; p < TILE_ROWS; ++p) row[p] = source[p] + sum.piece[s].source;
    const index_t whole = sum.piece[s].length / terms;
    for (index_t k = 0; k < whole; ++k) {
      TILE_WORDS wide[TILE_VECTORS];
#pragma GCC unroll 16
      for (int v = 0; v < TILE_VECTORS; ++v) {
        wide[v] = *reinterpret_cast<const TILE_WORDS*>(w + v * SPANKEY_LANES);
      }
#pragma GCC unroll 16
      for (int p = 0; p < TILE_ROWS; ++p) {
        const TILE_WORDS same = spread_word(row[p] + k * terms);
#pragma GCC unroll 16
        for (int v = 0; v < TILE_VECTORS; ++v) total[p][v] = multiply_words(wide[v], same, total[p][v]);
      }
      w += TILE_VECTORS * SPANKEY_LANES;
    }
    if (sum.piece[s].length % terms == 0) continue;
      // Half a word: what follows in memory is not read.
#pragma GCC unroll 16
    for (int p = 0; p < TILE_ROWS; ++p) {
      const TILE_WORDS same = spread_half(row[p] + whole * terms);
#pragma GCC unroll 16
      for (int v = 0; v < TILE_VECTORS; ++v) {
        total[p][v] =
            multiply_words(*reinterpret_cast<const TILE_WORDS*>(w + v * SPANKEY_LANES), same, total[p][v]);
      }
    }
  }
#pragma GCC unroll 16
  for (int p = 0; p < TILE_ROWS; ++p)
#pragma GCC unroll 16
    for (int v = 0; v < TILE_VECTORS; ++v) {
      *reinterpret_cast<lanes*>(to[p] + v * SPANKEY_LANES) =
          *reinterpret_cast<const lanes*>(from[p] + v * SPANKEY_LANES) + total[p][v];
    }
}

// to(i, o) += sum over pixels of source(pixel, offset + channel(i)) * dy(pixel, o);  dy is packed.
inline void TILE_NAME(conv2d_gradient)(const word_t<TILE_SCALAR>* const* source, index_t offset,
                                       const index_t* channel, const word_t<TILE_SCALAR>* dy, index_t pixels,
                                       float* const* to) {
  lanes total[TILE_ROWS][TILE_VECTORS] = {};
  index_t at[TILE_ROWS];
#pragma GCC unroll 16
  for (int i = 0; i < TILE_ROWS; ++i) at[i] = offset + channel[i];
  for (index_t pixel = 0; pixel < pixels; ++pixel) {
    const word_t<TILE_SCALAR>* row = source[pixel];
    TILE_WORDS wide[TILE_VECTORS];
#pragma GCC unroll 16
    for (int v = 0; v < TILE_VECTORS; ++v) {
      wide[v] = *reinterpret_cast<const TILE_WORDS*>(dy + v * SPANKEY_LANES);
    }
#pragma GCC unroll 16
    for (int i = 0; i < TILE_ROWS; ++i) {
      const TILE_WORDS same = spread_word(row + at[i]);
#pragma GCC unroll 16
      for (int v = 0; v < TILE_VECTORS; ++v) total[i][v] = multiply_words(wide[v], same, total[i][v]);
    }
    dy += TILE_VECTORS * SPANKEY_LANES;
  }
#pragma GCC unroll 16
  for (int i = 0; i < TILE_ROWS; ++i)
#pragma GCC unroll 16
    for (int v = 0; v < TILE_VECTORS; ++v) {
      *reinterpret_cast<lanes*>(to[i] + v * SPANKEY_LANES) += total[i][v];
    }
}

#undef TILE_NAME
#undef TILE_SCALAR
#undef TILE_WORDS
#undef TILE_VECTORS
#undef TILE_ROWS
