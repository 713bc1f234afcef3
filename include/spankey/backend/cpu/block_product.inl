// See block_product.hpp.

// x in whole numbers p of a scale a block, zeros behind the last one. The largest of a block is found among bits, where a NaN is
// larger than an infinity: either becomes the scale.
inline void round_blocks(const float* x, index_t in, std::int8_t* p, float* d) {
  typedef int whole __attribute__((vector_size(4 * SPANKEY_LANES)));
  typedef signed char bytes __attribute__((vector_size(SPANKEY_LANES), aligned(1), may_alias));
  constexpr float smallest = 1e-30F;  // what is smaller is 0
  constexpr float to_nearest =
      12582912;  // 1.5 * 2^23: added to it, a number is rounded, and lies in the lowest bits
  for (index_t k = 0; k < blocks_of(in); ++k) {
    const float* const from = x + k * numbers_of_block;
    const index_t n = in - k * numbers_of_block;
    whole most = {};
    for (index_t i = 0; i < numbers_of_block; i += SPANKEY_LANES) {
      const whole bits = reinterpret_cast<whole>(load_lanes(from + i, n - i)) & 0x7FFFFFFF;
      most = bits > most ? bits : most;
    }
    int all = most[0];
    for (int i = 1; i < SPANKEY_LANES; ++i) all = most[i] > all ? most[i] : all;
    const float largest = std::bit_cast<float>(all);
    d[k] = largest / 127;
    const float scale = largest > smallest && all < 0x7F800000 ? 127 / largest : 0.0F;
    for (index_t i = 0; i < numbers_of_block; i += SPANKEY_LANES) {
      const lanes rounded = load_lanes(from + i, n - i) * scale + to_nearest;
      *reinterpret_cast<bytes*>(p + k * numbers_of_block + i) =
          __builtin_convertvector(reinterpret_cast<whole>(rounded), bytes);
    }
  }
}

#if SPANKEY_LANES >= 8
typedef float eight __attribute__((vector_size(32)));

// A block's products in eight sums. |q| is at most 128 and |p| 127: two products fit into sixteen bits.
inline __attribute__((always_inline)) eight sums_of_block(const int8_blocks* q, const std::int8_t* p) {
  const __m256i w = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(q));
  const __m256i x = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  const __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(x, w));
  return _mm256_cvtepi32_ps(_mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

inline __attribute__((always_inline)) float total_of_eight(eight v) {
  v += __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3);
  v += __builtin_shufflevector(v, v, 2, 3, 0, 1, 6, 7, 4, 5);
  return v[0] + v[1];
}

// One output. Scales are read in whole vectors, the next output's with them; only the last ones of the matrix have none behind.
inline __attribute__((always_inline)) float product_of_blocks(const block_product* t, const std::int8_t* p,
                                                              const float* d, index_t o) {
  const index_t blocks = blocks_of(t->in);
  const int8_blocks* const q = t->q + o * blocks * numbers_of_block;
  const bf16* const s = t->s + o * blocks;
  constexpr std::uintptr_t ahead = 4096;  // a page, which the processor's own prefetching does not cross
  eight even = {}, odd = {};
  for (index_t first = 0; first < blocks; first += SPANKEY_LANES) {
    const index_t last = blocks - first < SPANKEY_LANES ? blocks : first + SPANKEY_LANES;
    float scale[SPANKEY_LANES];
    store_lanes(scale, SPANKEY_LANES,
                load_lanes(s + first, (t->out - o) * blocks - first) * load_lanes(d + first, SPANKEY_LANES));
    index_t k = first;
    for (; k + 2 <= last; k += 2) {
      const int8_blocks* const w = q + k * numbers_of_block;
      const std::int8_t* const x = p + k * numbers_of_block;
      __builtin_prefetch(reinterpret_cast<const void*>(reinterpret_cast<std::uintptr_t>(w) + ahead));
      even = sums_of_block(w, x) * scale[k - first] + even;
      odd = sums_of_block(w + numbers_of_block, x + numbers_of_block) * scale[k - first + 1] + odd;
    }
    if (k < last)
      even = sums_of_block(q + k * numbers_of_block, p + k * numbers_of_block) * scale[k - first] + even;
  }
  return total_of_eight(even + odd);
}
#else
inline float product_of_blocks(const block_product* t, const std::int8_t* p, const float* d, index_t o) {
  const index_t blocks = blocks_of(t->in);
  float y = 0;
  for (index_t k = 0; k < blocks; ++k) {
    const int8_blocks* const w = t->q + (o * blocks + k) * numbers_of_block;
    const std::int8_t* const x = p + k * numbers_of_block;
    int sum = 0;
    for (index_t i = 0; i < numbers_of_block; ++i) sum += static_cast<int>(w[i]) * x[i];
    y += static_cast<float>(t->s[o * blocks + k]) * d[k] * static_cast<float>(sum);
  }
  return y;
}
#endif

// Outputs [begin, end), one by one: as memory comes.
inline void product_rows_of_blocks(const block_product* t, const std::int8_t* p, const float* d,
                                   index_t begin, index_t end) {
  for (index_t o = begin; o < end; ++o) {
    const float y = product_of_blocks(t, p, d, o);
    t->y[o] = t->b != nullptr ? y + t->b[o] : y;
  }
}
