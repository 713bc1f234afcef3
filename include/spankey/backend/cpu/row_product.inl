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

// Rows lie behind each other, so that memory is read as it comes; while some are read, what the next as many need is asked for:
// their share that lies as far behind `next` as those read now have come.
inline __attribute__((always_inline)) void ask_for_next(const SPANKEY_SCALAR* next, index_t done,
                                                        const int rows) {
  constexpr std::uintptr_t line = 64;
  const auto at =
      reinterpret_cast<std::uintptr_t>(next) + static_cast<std::uintptr_t>(done * rows) * sizeof *next;
  const std::uintptr_t share = static_cast<std::uintptr_t>(rows) * SPANKEY_LANES * sizeof *next;
  for (std::uintptr_t b = 0; b < share; b += line) __builtin_prefetch(reinterpret_cast<const void*>(at + b));
}

// Some rows of w times their x, all columns: y += sum over i of x(i) w(i, o).
inline __attribute__((always_inline)) void add_columns(const row_product<SPANKEY_SCALAR>* p, index_t i,
                                                       float* y, const int rows) {
  const SPANKEY_SCALAR* const w = p->w + i * p->out;
  for (index_t o = 0; o < p->out; o += SPANKEY_LANES) {
    const index_t n = p->out - o;
    ask_for_next(w + rows * p->out, o, rows);
    lanes even = load_lanes(y + o, n), odd = {};
#pragma GCC unroll 8
    for (int r = 0; r < rows; ++r) {
      lanes& sum = r % 2 == 0 ? even : odd;
      sum = load_lanes(w + r * p->out + o, n) * p->x[i + r] + sum;
    }
    store_lanes(y + o, n, even + odd);
  }
}

// Eight rows a pass, so that sums are read and written seldom.
inline void product_columns(const row_product<SPANKEY_SCALAR>* p, index_t begin, index_t end, float* y) {
  for (index_t o = 0; o < p->out; o += SPANKEY_LANES) store_lanes(y + o, p->out - o, lanes{});
  index_t i = begin;
  for (; i + 8 <= end; i += 8) add_columns(p, i, y, 8);
  for (; i < end; ++i) add_columns(p, i, y, 1);
}

// y = b + s times the sum of the runs' rows of sums.
inline void finish_columns(const row_product<SPANKEY_SCALAR>* p, const float* sums, index_t runs) {
  for (index_t o = 0; o < p->out; o += SPANKEY_LANES) {
    const index_t n = p->out - o;
    lanes sum = load_lanes(sums + o, n);
    for (index_t r = 1; r < runs; ++r) sum += load_lanes(sums + r * p->out + o, n);
    if (p->s != nullptr) sum *= load_lanes(p->s + o, n);
    if (p->b != nullptr) sum += load_lanes(p->b + o, n);
    store_lanes(p->y + o, n, sum);
  }
}

inline __attribute__((always_inline)) void product_of_rows(const row_product<SPANKEY_SCALAR>* p, index_t o,
                                                           const int rows) {
  const SPANKEY_SCALAR* const w = p->w + o * p->in;
  lanes sum[8] = {};
  for (index_t i = 0; i < p->in; i += SPANKEY_LANES) {
    const index_t n = p->in - i;
    ask_for_next(w + rows * p->in, i, rows);
    const lanes x = load_lanes(p->x + i, n);
#pragma GCC unroll 8
    for (int r = 0; r < rows; ++r) sum[r] = load_lanes(w + r * p->in + i, n) * x + sum[r];
  }
#pragma GCC unroll 8
  for (int r = 0; r < rows; ++r) p->y[o + r] = total_of(sum[r]);
}

// Some rows, eight at once.
inline void product_rows(const row_product<SPANKEY_SCALAR>* p, index_t begin, index_t end) {
  index_t o = begin;
  for (; o + 8 <= end; o += 8) product_of_rows(p, o, 8);
  for (; o < end; ++o) product_of_rows(p, o, 1);
}
