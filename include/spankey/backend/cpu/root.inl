// Square roots of one vector; see root.hpp.
typedef double double_lanes __attribute__((vector_size(4 * SPANKEY_LANES)));

#if SPANKEY_LANES == 16
// All lanes of a mask: the form without one starts from undefined values, of which g++ 12 warns.
inline __attribute__((always_inline)) lanes root(lanes v) { return _mm512_maskz_sqrt_ps(0xFFFF, v); }
inline __attribute__((always_inline)) double_lanes root(double_lanes v) {
  return _mm512_maskz_sqrt_pd(0xFF, v);
}
#elif SPANKEY_LANES == 8
inline __attribute__((always_inline)) lanes root(lanes v) { return _mm256_sqrt_ps(v); }
inline __attribute__((always_inline)) double_lanes root(double_lanes v) { return _mm256_sqrt_pd(v); }
#elif defined(__x86_64__)
inline __attribute__((always_inline)) lanes root(lanes v) { return _mm_sqrt_ps(v); }
inline __attribute__((always_inline)) double_lanes root(double_lanes v) { return _mm_sqrt_pd(v); }
#else
inline lanes root(lanes v) {
  for (int l = 0; l < SPANKEY_LANES; ++l) v[l] = std::sqrt(v[l]);
  return v;
}
inline double_lanes root(double_lanes v) {
  for (int l = 0; l < SPANKEY_LANES / 2; ++l) v[l] = std::sqrt(v[l]);
  return v;
}
#endif
