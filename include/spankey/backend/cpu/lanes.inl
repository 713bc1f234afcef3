// Partial vectors of float and of bf16; see lanes.hpp. Lanes beyond n read as 0; n may be negative.
typedef unsigned int words __attribute__((vector_size(4 * SPANKEY_LANES)));
typedef unsigned short halves __attribute__((vector_size(2 * SPANKEY_LANES), aligned(2), may_alias));

#if SPANKEY_LANES == 16
inline __attribute__((always_inline)) __mmask16 first_lanes(index_t n) {
  return static_cast<__mmask16>(n <= 0 ? 0U : (1U << n) - 1U);
}
#endif

inline __attribute__((always_inline)) lanes load_lanes(const float* p, index_t n) {
  if (n >= SPANKEY_LANES) return *reinterpret_cast<const lanes*>(p);
#if SPANKEY_LANES == 16
  return _mm512_maskz_loadu_ps(first_lanes(n), p);
#else
  float part[SPANKEY_LANES] = {};
  for (index_t i = 0; i < n; ++i) part[i] = p[i];
  return *reinterpret_cast<const lanes*>(part);
#endif
}

inline __attribute__((always_inline)) void store_lanes(float* p, index_t n, lanes v) {
  if (n >= SPANKEY_LANES) {
    *reinterpret_cast<lanes*>(p) = v;
    return;
  }
#if SPANKEY_LANES == 16
  _mm512_mask_storeu_ps(p, first_lanes(n), v);
#else
  for (index_t i = 0; i < n; ++i) p[i] = v[i];
#endif
}

// A loop that walks through memory asks for what it will read, or write, 2 KB later: the processor's own prefetching begins
// anew on every page. Nothing need be there.
inline __attribute__((always_inline)) const void* later_than(const void* p) {
  return reinterpret_cast<const void*>(reinterpret_cast<std::uintptr_t>(p) + 2048);
}
inline __attribute__((always_inline)) void ask_to_read(const void* p) { __builtin_prefetch(later_than(p)); }
inline __attribute__((always_inline)) void ask_to_write(const void* p) {
  __builtin_prefetch(later_than(p), 1);
}

// Listed: of a conversion of vectors g++ 12 makes four shuffles, of this the one instruction that widens.
inline __attribute__((always_inline)) lanes widened_lanes(const bf16* p) {
#define SPANKEY_FOUR(i) p[i].bits, p[(i) + 1].bits, p[(i) + 2].bits, p[(i) + 3].bits
#if SPANKEY_LANES == 16
  const words upper = {SPANKEY_FOUR(0), SPANKEY_FOUR(4), SPANKEY_FOUR(8), SPANKEY_FOUR(12)};
#elif SPANKEY_LANES == 8
  const words upper = {SPANKEY_FOUR(0), SPANKEY_FOUR(4)};
#else
  const words upper = {SPANKEY_FOUR(0)};
#endif
#undef SPANKEY_FOUR
  return reinterpret_cast<lanes>(upper << 16);
}

inline __attribute__((always_inline)) lanes load_lanes(const bf16* p, index_t n) {
  if (n >= SPANKEY_LANES) return widened_lanes(p);
#if SPANKEY_LANES == 16
  const __mmask16 there = first_lanes(n);
  const __m512i low = _mm512_maskz_cvtepu16_epi32(there, _mm256_maskz_loadu_epi16(there, p));
  return reinterpret_cast<lanes>(reinterpret_cast<words>(low) << 16);
#else
  bf16 part[SPANKEY_LANES];
  for (index_t i = 0; i < n; ++i) part[i] = p[i];
  return widened_lanes(part);
#endif
}

// The rounding of core/bf16.hpp.
inline __attribute__((always_inline)) void store_lanes(bf16* p, index_t n, lanes v) {
  const words word = reinterpret_cast<words>(v);
  const words rounded = word + (((word >> 16) & 1U) + 0x7FFFU);
  const words quieted = word | 0x400000U;
  const halves upper = __builtin_convertvector((v != v ? quieted : rounded) >> 16, halves);
  if (n >= SPANKEY_LANES) {
    *reinterpret_cast<halves*>(p) = upper;
    return;
  }
#if SPANKEY_LANES == 16
  _mm256_mask_storeu_epi16(p, first_lanes(n), reinterpret_cast<__m256i>(upper));
#else
  for (index_t i = 0; i < n; ++i) p[i].bits = upper[i];
#endif
}

// v with `other` in the lanes beyond n.
inline __attribute__((always_inline)) lanes first_of(lanes v, index_t n, lanes other) {
  if (n >= SPANKEY_LANES) return v;
#if SPANKEY_LANES == 16
  return _mm512_mask_mov_ps(other, first_lanes(n), v);
#else
  for (index_t i = n; i < SPANKEY_LANES; ++i) v[i] = other[i];
  return v;
#endif
}

// The sum of all lanes, added in pairs: lane i and lane i + half.
inline __attribute__((always_inline)) float total_of(lanes v) {
#if SPANKEY_LANES == 16
  v += __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
  v += __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11);
  v += __builtin_shufflevector(v, v, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
#elif SPANKEY_LANES == 8
  v += __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3);
  v += __builtin_shufflevector(v, v, 2, 3, 0, 1, 6, 7, 4, 5);
#else
  v += __builtin_shufflevector(v, v, 2, 3, 0, 1);
#endif
  return v[0] + v[1];
}

inline float largest_of(lanes v) {
  float most = v[0];
  for (int i = 1; i < SPANKEY_LANES; ++i) most = v[i] > most ? v[i] : most;
  return most;
}
