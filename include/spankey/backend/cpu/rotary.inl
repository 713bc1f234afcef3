// Rows [first, last) of rotary positions; see rotary.hpp.
inline void rotary_rows(const rotary_problem& p, float way, const float* table, index_t first, index_t last,
                        const SPANKEY_SCALAR* x, SPANKEY_SCALAR* y) {
  const index_t half = p.size / 2, turned = p.heads * p.size;
  for (index_t row = first; row < last; ++row) {
    const SPANKEY_SCALAR* const from = x + row * p.channels;
    SPANKEY_SCALAR* const to = y + row * p.channels;
    const float *const cosines = table + row % p.tokens * half, *const sines = cosines + p.tokens * half;
    for (index_t low = 0; low < turned; low += p.size)
      for (index_t i = 0; i < half; i += SPANKEY_LANES) {
        const index_t n = half - i;
        const lanes cosine = load_lanes(cosines + i, n), sine = load_lanes(sines + i, n) * way;
        const lanes a = load_lanes(from + low + i, n), b = load_lanes(from + low + half + i, n);
        store_lanes(to + low + i, n, a * cosine - b * sine);
        store_lanes(to + low + half + i, n, b * cosine + a * sine);
      }
    if (from == to) continue;
    for (index_t c = turned; c < p.channels; ++c) to[c] = from[c];
  }
}
