// Words of the matrix products: a float, or two bf16. Included first by conv2d_tiles.inl; see conv2d_tile.hpp.
typedef std::uint32_t word_lanes __attribute__((vector_size(SPANKEY_LANES * 4), aligned(4), may_alias));
typedef std::uint32_t loose_word __attribute__((aligned(2), may_alias));

// The word at p in every lane. A float minus zero is that float, so it becomes one load; plus zero is not (-0 + 0 is +0),
// and would cost an addition and a shuffle on the units that multiply.
inline __attribute__((always_inline)) lanes spread_word(const float* p) { return *p - lanes{}; }
inline __attribute__((always_inline)) lanes spread_half(const float* p) { return *p - lanes{}; }
inline __attribute__((always_inline)) word_lanes spread_word(const bf16* p) {
  return word_lanes{} + *reinterpret_cast<const loose_word*>(p);
}
inline __attribute__((always_inline)) word_lanes spread_half(const bf16* p) {
  return word_lanes{} + std::uint32_t{p->bits};
}
inline __attribute__((always_inline)) word_lanes spread_word(const std::uint32_t* p) {
  return word_lanes{} + *p;
}

// total + a * b, word by word.
inline __attribute__((always_inline)) lanes multiply_words(lanes a, lanes b, lanes total) {
  return a * b + total;
}
inline __attribute__((always_inline)) lanes multiply_words(word_lanes a, word_lanes b, lanes total) {
#if defined(SPANKEY_HAS_DPBF16)
  return _mm512_dpbf16_ps(total, reinterpret_cast<__m512bh>(a), reinterpret_cast<__m512bh>(b));
#else
  total = reinterpret_cast<lanes>(a << 16) * reinterpret_cast<lanes>(b << 16) + total;
  return reinterpret_cast<lanes>(a & 0xFFFF0000U) * reinterpret_cast<lanes>(b & 0xFFFF0000U) + total;
#endif
}
