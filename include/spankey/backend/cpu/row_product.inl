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

// Some rows of w times their x, all columns: y = sum over i of x(i) w(i, o). Rows lie behind each other, so that memory is read
// as it comes; four a pass, so that sums are read and written seldom.
inline void product_columns(const row_product<SPANKEY_SCALAR>* p, index_t begin, index_t end, float* y) {
  for (index_t o = 0; o < p->out; o += SPANKEY_LANES) store_lanes(y + o, p->out - o, lanes{});
  index_t i = begin;
  for (; i + 4 <= end; i += 4) {
    const SPANKEY_SCALAR* const w = p->w + i * p->out;
    const float a = p->x[i], b = p->x[i + 1], c = p->x[i + 2], d = p->x[i + 3];
    for (index_t o = 0; o < p->out; o += SPANKEY_LANES) {
      const index_t n = p->out - o;
      const lanes low = load_lanes(w + p->out + o, n) * b + load_lanes(w + o, n) * a;
      const lanes high = load_lanes(w + 3 * p->out + o, n) * d + load_lanes(w + 2 * p->out + o, n) * c;
      store_lanes(y + o, n, load_lanes(y + o, n) + (low + high));
    }
  }
  for (; i < end; ++i)
    for (index_t o = 0; o < p->out; o += SPANKEY_LANES) {
      const index_t n = p->out - o;
      store_lanes(y + o, n, load_lanes(p->w + i * p->out + o, n) * p->x[i] + load_lanes(y + o, n));
    }
}

// y = b + s y.
inline void finish_columns(const row_product<SPANKEY_SCALAR>* p) {
  for (index_t o = 0; o < p->out; o += SPANKEY_LANES) {
    const index_t n = p->out - o;
    lanes sum = load_lanes(p->y + o, n);
    if (p->s != nullptr) sum *= load_lanes(p->s + o, n);
    if (p->b != nullptr) sum += load_lanes(p->b + o, n);
    store_lanes(p->y + o, n, sum);
  }
}

inline __attribute__((always_inline)) void product_of_rows(const row_product<SPANKEY_SCALAR>* p, index_t o,
                                                           const int rows) {
  lanes sum[4] = {};
  for (index_t i = 0; i < p->in; i += SPANKEY_LANES) {
    const lanes x = load_lanes(p->x + i, p->in - i);
#pragma GCC unroll 4
    for (int r = 0; r < rows; ++r) sum[r] = load_lanes(p->w + (o + r) * p->in + i, p->in - i) * x + sum[r];
  }
#pragma GCC unroll 4
  for (int r = 0; r < rows; ++r) p->y[o + r] = total_of(sum[r]);
}

// Some rows, four at once.
inline void product_rows(const row_product<SPANKEY_SCALAR>* p, index_t begin, index_t end) {
  index_t o = begin;
  for (; o + 4 <= end; o += 4) product_of_rows(p, o, 4);
  for (; o < end; ++o) product_of_rows(p, o, 1);
}
