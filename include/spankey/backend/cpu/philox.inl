// Philox blocks of one family; see philox.hpp. A vector holds one word of several blocks: SPANKEY_LANES / 2 lanes.
typedef unsigned long long wide_lanes __attribute__((vector_size(4 * SPANKEY_LANES)));

// Product of the lower halves of each lane.
inline __attribute__((always_inline)) wide_lanes word_product(wide_lanes a, unsigned long long b) {
  const wide_lanes factor = b + wide_lanes{};
#if SPANKEY_LANES == 16
  return reinterpret_cast<wide_lanes>(
      _mm512_maskz_mul_epu32(0xFF, reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(factor)));
#elif SPANKEY_LANES == 8
  return reinterpret_cast<wide_lanes>(
      _mm256_mul_epu32(reinterpret_cast<__m256i>(a), reinterpret_cast<__m256i>(factor)));
#elif defined(__x86_64__)
  return reinterpret_cast<wide_lanes>(
      _mm_mul_epu32(reinterpret_cast<__m128i>(a), reinterpret_cast<__m128i>(factor)));
#else
  return (a & 0xFFFFFFFFULL) * factor;
#endif
}

// The four words of SPANKEY_LANES / 2 blocks from block `first` on, in the lower halves of the lanes; the upper halves hold
// rubbish.
inline __attribute__((always_inline)) void philox_words(const random_source& source, std::uint64_t first,
                                                        wide_lanes* word) {
  std::uint32_t key0 = source.key()[0], key1 = source.key()[1];
  word[0] = first + wide_lanes{};
  word[2] = source.counter_tail()[0] + wide_lanes{};
  word[3] = source.counter_tail()[1] + wide_lanes{};
  for (int lane = 0; lane < SPANKEY_LANES / 2; ++lane) word[0][lane] += static_cast<unsigned>(lane);
  word[1] = word[0] >> 32;
#pragma GCC unroll 10
  for (int round = 0; round < 10; ++round) {
    const wide_lanes a = word_product(word[0], 0xD2511F53), b = word_product(word[2], 0xCD9E8D57);
    word[0] = (b >> 32) ^ word[1] ^ static_cast<unsigned long long>(key0);
    word[1] = b;
    word[2] = (a >> 32) ^ word[3] ^ static_cast<unsigned long long>(key1);
    word[3] = a;
    key0 += 0x9E3779B9U;
    key1 += 0xBB67AE85U;
  }
}

// The 2 * SPANKEY_LANES words of these blocks one after another.
inline __attribute__((always_inline)) void philox_sequence(const random_source& source, std::uint64_t first,
                                                           std::uint32_t* out) {
  typedef unsigned long long loose_lanes
      __attribute__((vector_size(4 * SPANKEY_LANES), aligned(4), may_alias));
  wide_lanes word[4];
  philox_words(source, first, word);
  const wide_lanes left = (word[0] & 0xFFFFFFFFULL) | (word[1] << 32),
                   right = (word[2] & 0xFFFFFFFFULL) | (word[3] << 32);
#if SPANKEY_LANES == 16
  const wide_lanes low = __builtin_shufflevector(left, right, 0, 8, 1, 9, 2, 10, 3, 11);
  const wide_lanes high = __builtin_shufflevector(left, right, 4, 12, 5, 13, 6, 14, 7, 15);
#elif SPANKEY_LANES == 8
  const wide_lanes low = __builtin_shufflevector(left, right, 0, 4, 1, 5);
  const wide_lanes high = __builtin_shufflevector(left, right, 2, 6, 3, 7);
#else
  const wide_lanes low = {left[0], right[0]}, high = {left[1], right[1]};
#endif
  *reinterpret_cast<loose_lanes*>(out) = low;
  *reinterpret_cast<loose_lanes*>(out + SPANKEY_LANES) = high;
}

// out[i] = random_source::bits(first + i).
inline void random_words(random_source source, std::uint64_t first, index_t n, std::uint32_t* out) {
  constexpr index_t batch = 2 * SPANKEY_LANES;
  for (index_t i = 0; i < n;) {
    const std::uint64_t number = first + static_cast<std::uint64_t>(i);
    const index_t skipped = static_cast<index_t>(number & 3);
    const index_t count = n - i < batch - skipped ? n - i : batch - skipped;
    std::uint32_t part[2 * SPANKEY_LANES];
    std::uint32_t* const to = count == batch ? out + i : part;
    philox_sequence(source, number >> 2, to);
    if (count < batch) {
      for (index_t j = 0; j < count; ++j) out[i + j] = part[skipped + j];
    }
    i += count;
  }
}
