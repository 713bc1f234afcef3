// See row_product.hpp.
#if defined(SPANKEY_SCALAR_INT8)
// Whole numbers as floats; lanes beyond n read as 0.
inline __attribute__((always_inline)) lanes load_lanes(const std::int8_t* p, index_t n) {
  std::int8_t part[SPANKEY_LANES] = {};
  if (n < SPANKEY_LANES) {
    for (index_t i = 0; i < n; ++i) part[i] = p[i];
    p = part;
  }
#if SPANKEY_LANES == 16
  // With a mask of ones: without one, g++ 12 warns of its own header.
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  return _mm512_maskz_cvtepi32_ps(0xFFFF, _mm512_maskz_cvtepi8_epi32(0xFFFF, bytes));
#elif SPANKEY_LANES == 8
  return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))));
#else
  lanes v;
  for (int i = 0; i < SPANKEY_LANES; ++i) v[i] = p[i];
  return v;
#endif
}
#endif

// Some columns of all rows, which lie beside each other: four rows a pass, so that sums are read and written seldom.
inline void product_columns(const row_product<SPANKEY_SCALAR>* p, index_t begin, index_t end) {
  for (index_t o = begin; o < end; o += SPANKEY_LANES) store_lanes(p->y + o, end - o, lanes{});
  index_t i = 0;
  for (; i + 4 <= p->in; i += 4) {
    const SPANKEY_SCALAR* const w = p->w + i * p->out;
    const float a = p->x[i], b = p->x[i + 1], c = p->x[i + 2], d = p->x[i + 3];
    for (index_t o = begin; o < end; o += SPANKEY_LANES) {
      const index_t n = end - o;
      lanes sum = load_lanes(p->y + o, n);
      sum = load_lanes(w + o, n) * a + sum;
      sum = load_lanes(w + p->out + o, n) * b + sum;
      sum = load_lanes(w + 2 * p->out + o, n) * c + sum;
      sum = load_lanes(w + 3 * p->out + o, n) * d + sum;
      store_lanes(p->y + o, n, sum);
      ask_to_read(w + 4 * p->out + o);
    }
  }
  for (; i < p->in; ++i)
    for (index_t o = begin; o < end; o += SPANKEY_LANES) {
      const index_t n = end - o;
      store_lanes(p->y + o, n, load_lanes(p->w + i * p->out + o, n) * p->x[i] + load_lanes(p->y + o, n));
    }
  for (index_t o = begin; o < end; o += SPANKEY_LANES) {
    const index_t n = end - o;
    lanes sum = load_lanes(p->y + o, n);
    if (p->s != nullptr) sum *= load_lanes(p->s + o, n);
    if (p->b != nullptr) sum += load_lanes(p->b + o, n);
    store_lanes(p->y + o, n, sum);
  }
}

// Some rows, four at once.
inline void product_rows(const row_product<SPANKEY_SCALAR>* p, index_t begin, index_t end) {
  for (index_t o = begin; o < end; o += 4) {
    const int rows = end - o < 4 ? static_cast<int>(end - o) : 4;
    lanes sum[4] = {};
    for (index_t i = 0; i < p->in; i += SPANKEY_LANES) {
      const lanes x = load_lanes(p->x + i, p->in - i);
      for (int r = 0; r < rows; ++r)
        sum[r] = load_lanes(p->w + (o + r) * p->in + i, p->in - i) * x + sum[r];
    }
    for (int r = 0; r < rows; ++r) p->y[o + r] = total_of(sum[r]);
  }
}
