// Rows of channels on their way into and out of AMX tiles; see conv2d_amx_rows.hpp. Real tiles meet AVX-512 only; the
// other families serve emulation.
typedef std::uint32_t loose_words __attribute__((vector_size(SPANKEY_LANES * 4), aligned(2), may_alias));
#if defined(SPANKEY_HAS_DPBF16)
using avx512::load_lanes;
using avx512::store_lanes;
#endif

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

// Rows of 32 channels from `first` on: the samples' own, or copies with zeros for what does not exist.
inline void amx_whole_rows(const amx_samples& from, index_t channels, index_t first, const bf16** row,
                           amx_spare_rows& spare) {
  const index_t present = channels - first < amx_rows ? channels - first : amx_rows;
  for (index_t s = 0; s < amx_rows; ++s) {
    const bf16* const own = from.first + s * from.step + first;
    row[s] = own;
    if (s < from.count && present == amx_rows) continue;
    for (index_t i = 0; i < amx_rows; ++i) spare[s][i] = s < from.count && i < present ? own[i] : bf16{};
    row[s] = spare[s];
  }
}

inline void amx_pair_samples(const amx_samples& from, index_t channels, std::uint32_t* to, index_t to_step) {
  const bf16* row[amx_rows];
  amx_spare_rows spare;
  for (index_t c = 0; c < channels; c += amx_rows, to += to_step) {
    amx_whole_rows(from, channels, c, row, spare);
    for (index_t k = 0; k < amx_words; ++k)
      for (index_t i = 0; i < amx_rows; i += SPANKEY_LANES)
        *reinterpret_cast<word_lanes*>(to + k * amx_rows + i) =
            reinterpret_cast<word_lanes>(load_lanes(row[2 * k] + i, SPANKEY_LANES)) >> 16 |
            reinterpret_cast<word_lanes>(load_lanes(row[2 * k + 1] + i, SPANKEY_LANES));
  }
}

inline void amx_transpose_samples(const amx_samples& from, index_t channels, std::uint32_t* to,
                                  index_t to_step) {
  const bf16* row[amx_rows];
  amx_spare_rows spare;
  for (index_t c = 0; c < channels; c += amx_rows, to += to_step) {
    amx_whole_rows(from, channels, c, row, spare);
#if SPANKEY_LANES == 16
    // Even and odd channels apart: masks and shifts pair the samples, and only the transposition shuffles.
    for (int odd = 0; odd < 2; ++odd) {
      word_lanes v[16], next[16];
#pragma GCC unroll 16
      for (int k = 0; k < 16; ++k) {
        const word_lanes a = *reinterpret_cast<const loose_words*>(row[2 * k]);
        const word_lanes b = *reinterpret_cast<const loose_words*>(row[2 * k + 1]);
        v[k] = odd == 0 ? (a & 0xFFFFU) | b << 16 : a >> 16 | (b & 0xFFFF0000U);
      }
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
      for (int i = 0; i < 16; ++i) *reinterpret_cast<word_lanes*>(to + (2 * i + odd) * amx_words) = v[i];
    }
#else
    for (index_t i = 0; i < amx_rows; ++i)
      for (index_t k = 0; k < amx_words; ++k) {
        const std::uint32_t high = row[2 * k + 1][i].bits;
        to[i * amx_words + k] = row[2 * k][i].bits | high << 16;
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

inline __attribute__((always_inline)) void amx_store(bf16* y, lanes total) {
#if defined(SPANKEY_HAS_DPBF16)
  // One instruction instead of ten; it takes denormal numbers for zeros.
  const __m256bh narrow = _mm512_cvtneps_pbh(total);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(y), reinterpret_cast<__m256i>(narrow));
#else
  store_lanes(y, SPANKEY_LANES, total);
#endif
}
inline void amx_finish(const float* sums, index_t rows, index_t columns, const float* start, bf16* y,
                       index_t y_step) {
  const index_t whole = columns / SPANKEY_LANES * SPANKEY_LANES, n = columns - whole;
  for (index_t row = 0; row < rows; ++row, sums += conv2d_max_width, y += y_step) {
    if (start != nullptr) {
      for (index_t i = 0; i < whole; i += SPANKEY_LANES)
        amx_store(y + i, load_lanes(start + i, SPANKEY_LANES) + load_lanes(sums + i, SPANKEY_LANES));
    } else {
      for (index_t i = 0; i < whole; i += SPANKEY_LANES)
        amx_store(y + i, load_lanes(y + i, SPANKEY_LANES) + load_lanes(sums + i, SPANKEY_LANES));
    }
    if (n == 0) continue;
    const lanes before = start != nullptr ? load_lanes(start + whole, n) : load_lanes(y + whole, n);
    store_lanes(y + whole, n, before + load_lanes(sums + whole, n));
  }
}
