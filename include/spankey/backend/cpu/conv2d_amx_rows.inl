// Rows of channels on their way into and out of AMX tiles; see conv2d_amx_rows.hpp. Of LANES-wide vectors only the
// family of AVX-512 meets real tiles; the others serve emulation.
typedef std::uint32_t loose_words __attribute__((vector_size(SPANKEY_LANES * 4), aligned(2), may_alias));
#if defined(SPANKEY_HAS_DPBF16)
using avx512::load_lanes;
using avx512::store_lanes;
#endif

// Words of (first(i), second(i)), n of them; null reads as zeros.
inline __attribute__((always_inline)) word_lanes paired_words(const bf16* first, const bf16* second,
                                                              index_t n) {
  const word_lanes low =
      first == nullptr ? word_lanes{} : reinterpret_cast<word_lanes>(load_lanes(first, n)) >> 16;
  return second == nullptr ? low : low | reinterpret_cast<word_lanes>(load_lanes(second, n));
}

inline void amx_copy_line(const amx_channels& part, const bf16* line, const index_t* column, index_t columns,
                          std::uint32_t* to, index_t to_step) {
  for (index_t j = 0; j < columns; ++j, to += to_step) {
    const bf16* from = line + column[j];
    std::uint32_t* block = to;
    for (index_t i = 0; i < part.whole; ++i, from += 2 * amx_words, block += amx_step_words)
      for (index_t k = 0; k < amx_words; k += SPANKEY_LANES)
        *reinterpret_cast<word_lanes*>(block + k) = *reinterpret_cast<const loose_words*>(from + 2 * k);
    if (part.rest == 0) continue;
    bf16 row[2 * amx_words] = {};
    for (index_t i = 0; i < part.rest; ++i) row[part.rest_at + i] = from[i];
    for (index_t k = 0; k < amx_words; k += SPANKEY_LANES)
      *reinterpret_cast<word_lanes*>(block + k) = *reinterpret_cast<const loose_words*>(row + 2 * k);
  }
}

inline void amx_pair_samples(const amx_samples& from, index_t channels, std::uint32_t* to, index_t to_step) {
  for (index_t c = 0; c < channels; c += amx_rows, to += to_step)
    for (index_t k = 0; k < amx_words; ++k)
      for (index_t i = 0; i < amx_rows; i += SPANKEY_LANES)
        *reinterpret_cast<word_lanes*>(to + k * amx_rows + i) =
            paired_words(from.row(2 * k, c + i), from.row(2 * k + 1, c + i), channels - c - i);
}

inline void amx_transpose_samples(const amx_samples& from, index_t channels, std::uint32_t* to,
                                  index_t to_step) {
  for (index_t c = 0; c < channels; c += amx_rows, to += to_step)
    for (index_t half = 0; half < amx_rows; half += 16) {
      std::uint32_t* const block = to + half * amx_words;
#if SPANKEY_LANES == 16
      word_lanes v[16], next[16];
#pragma GCC unroll 16
      for (index_t k = 0; k < 16; ++k)
        v[k] = paired_words(from.row(2 * k, c + half), from.row(2 * k + 1, c + half), channels - c - half);
        // The position of a word is (row, column), eight bits; a round rotates them by one.
#pragma GCC unroll 4
      for (int round = 0; round < 4; ++round) {
#pragma GCC unroll 8
        for (int i = 0; i < 8; ++i) {
          next[2 * i] =
              __builtin_shufflevector(v[i], v[i + 8], 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
          next[2 * i + 1] = __builtin_shufflevector(v[i], v[i + 8], 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13,
                                                    29, 14, 30, 15, 31);
        }
#pragma GCC unroll 16
        for (int i = 0; i < 16; ++i) v[i] = next[i];
      }
#pragma GCC unroll 16
      for (int i = 0; i < 16; ++i) *reinterpret_cast<word_lanes*>(block + i * amx_words) = v[i];
#else
      for (index_t k = 0; k < amx_words; ++k)
        for (index_t i = 0; i < 16; i += SPANKEY_LANES) {
          const word_lanes pairs = paired_words(from.row(2 * k, c + half + i),
                                                from.row(2 * k + 1, c + half + i), channels - c - half - i);
          for (index_t j = 0; j < SPANKEY_LANES; ++j) block[(i + j) * amx_words + k] = pairs[j];
        }
#endif
    }
}

inline void amx_finish(const float* sums, index_t rows, index_t columns, const float* start, float* y,
                       index_t y_step) {
  for (index_t row = 0; row < rows; ++row, sums += conv2d_max_width, y += y_step)
    for (index_t i = 0; i < columns; i += SPANKEY_LANES) {
      const index_t n = columns - i;
      store_lanes(y + i, n, load_lanes(start != nullptr ? start + i : y + i, n) + load_lanes(sums + i, n));
    }
}
inline void amx_finish(const float* sums, index_t rows, index_t columns, const float* start, bf16* y,
                       index_t y_step) {
  for (index_t row = 0; row < rows; ++row, sums += conv2d_max_width, y += y_step)
    for (index_t i = 0; i < columns; i += SPANKEY_LANES) {
      const index_t n = columns - i;
      const lanes total =
          (start != nullptr ? load_lanes(start + i, n) : load_lanes(y + i, n)) + load_lanes(sums + i, n);
#if defined(SPANKEY_HAS_DPBF16)
      if (n >= SPANKEY_LANES) {  // one instruction instead of ten; it takes denormal numbers for zeros
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(y + i),
                            reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(reinterpret_cast<__m512>(total))));
        continue;
      }
#endif
      store_lanes(y + i, n, total);
    }
}
