// Normal numbers of one family; see gaussian.hpp. A vector holds one word of several blocks: SPANKEY_LANES / 2 lanes.
typedef float narrow_lanes __attribute__((vector_size(2 * SPANKEY_LANES)));

// Integers below 2^52 as doubles, exactly: they become the last bits of 2^52 + w.
inline __attribute__((always_inline)) double_lanes exact_doubles(wide_lanes w) {
  return reinterpret_cast<double_lanes>(w | 0x4330000000000000ULL) - 0x1p52;
}

// log u of doubles in (0, 1]. Relative to log u, also where that is near 0.
inline __attribute__((always_inline)) double_lanes logarithm(double_lanes u) {
  constexpr unsigned long long root_half = 0x3FE6A09E667F3BCDULL, one = 0x3FF0000000000000ULL;
  const wide_lanes shifted = reinterpret_cast<wide_lanes>(u) + (one - root_half);
  const double_lanes exponent = exact_doubles(shifted >> 52) - 1023.0;
  const double_lanes m = reinterpret_cast<double_lanes>((shifted & 0xFFFFFFFFFFFFFULL) + root_half);
  const double_lanes s = (m - 1.0) / (m + 1.0), z = s * s;
  double_lanes series = z * (2.0 / 15) + 2.0 / 13;
  series = series * z + 2.0 / 11;
  series = series * z + 2.0 / 9;
  series = series * z + 2.0 / 7;
  series = series * z + 2.0 / 5;
  series = series * z + 2.0 / 3;
  series = series * z + 2.0;
  return exponent * std::numbers::ln2 + series * s;
}

// radius * cos and radius * sin of the numbers that a pair of words makes.
inline __attribute__((always_inline)) void normal_pair(wide_lanes radius_word, wide_lanes angle_word,
                                                       double_lanes* cosines, double_lanes* sines) {
  const double_lanes u = (exact_doubles(radius_word) + 0.5) * 0x1p-32;
  const double_lanes radius = root(logarithm(u) * -2.0);
  const wide_lanes turned = angle_word + 0x20000000ULL;  // an eighth of a turn
  const double_lanes x =
      (exact_doubles(turned & 0x3FFFFFFFULL) - 0x1p29) * (2.0 * std::numbers::pi * 0x1p-32);
  const double_lanes z = x * x;
  double_lanes s = z * (1.0 / 6227020800) - 1.0 / 39916800;
  s = s * z + 1.0 / 362880;
  s = s * z - 1.0 / 5040;
  s = s * z + 1.0 / 120;
  s = s * z - 1.0 / 6;
  s = (s * z + 1.0) * x;
  double_lanes c = z * (-1.0 / 87178291200) + 1.0 / 479001600;
  c = c * z - 1.0 / 3628800;
  c = c * z + 1.0 / 40320;
  c = c * z - 1.0 / 720;
  c = c * z + 1.0 / 24;
  c = c * z - 1.0 / 2;
  c = c * z + 1.0;
  // After an odd number of quarter turns sine and cosine have changed places; the signs go round.
  const wide_lanes sine = reinterpret_cast<wide_lanes>(s * radius);
  const wide_lanes cosine = reinterpret_cast<wide_lanes>(c * radius);
  const wide_lanes quarters = (turned >> 30) & 3ULL;
  const wide_lanes changed = wide_lanes{} - (quarters & 1ULL);
  const wide_lanes sine_sign = (quarters & 2ULL) << 62, cosine_sign = ((quarters + 1ULL) & 2ULL) << 62;
  *cosines = reinterpret_cast<double_lanes>(((sine & changed) | (cosine & ~changed)) ^ cosine_sign);
  *sines = reinterpret_cast<double_lanes>(((cosine & changed) | (sine & ~changed)) ^ sine_sign);
}

// The 2 * SPANKEY_LANES numbers of SPANKEY_LANES / 2 blocks, from block `first` on.
inline __attribute__((always_inline)) void normal_blocks(const random_source& source, std::uint64_t first,
                                                         float* out) {
  wide_lanes word[4];
  philox_words(source, first, word);
  double_lanes number[4];
  for (int pair = 0; pair < 4; pair += 2)
    normal_pair(word[pair] & 0xFFFFFFFFULL, word[pair + 1] & 0xFFFFFFFFULL, &number[pair], &number[pair + 1]);
  // Four numbers of each block side by side.
  const narrow_lanes n0 = __builtin_convertvector(number[0], narrow_lanes),
                     n1 = __builtin_convertvector(number[1], narrow_lanes),
                     n2 = __builtin_convertvector(number[2], narrow_lanes),
                     n3 = __builtin_convertvector(number[3], narrow_lanes);
#if SPANKEY_LANES == 16
#define SPANKEY_BLOCK(b) b, (b) + 8, (b) + 16, (b) + 24
  const lanes left = __builtin_shufflevector(n0, n1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  const lanes right = __builtin_shufflevector(n2, n3, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  const lanes low = __builtin_shufflevector(left, right, SPANKEY_BLOCK(0), SPANKEY_BLOCK(1), SPANKEY_BLOCK(2),
                                            SPANKEY_BLOCK(3));
  const lanes high = __builtin_shufflevector(left, right, SPANKEY_BLOCK(4), SPANKEY_BLOCK(5),
                                             SPANKEY_BLOCK(6), SPANKEY_BLOCK(7));
#undef SPANKEY_BLOCK
#elif SPANKEY_LANES == 8
  const lanes left = __builtin_shufflevector(n0, n1, 0, 1, 2, 3, 4, 5, 6, 7);
  const lanes right = __builtin_shufflevector(n2, n3, 0, 1, 2, 3, 4, 5, 6, 7);
  const lanes low = __builtin_shufflevector(left, right, 0, 4, 8, 12, 1, 5, 9, 13);
  const lanes high = __builtin_shufflevector(left, right, 2, 6, 10, 14, 3, 7, 11, 15);
#else
  const lanes low = {n0[0], n1[0], n2[0], n3[0]}, high = {n0[1], n1[1], n2[1], n3[1]};
#endif
  *reinterpret_cast<lanes*>(out) = low;
  *reinterpret_cast<lanes*>(out + SPANKEY_LANES) = high;
}

inline void gaussian_numbers(random_source source, std::uint64_t first, index_t n, float* out) {
  constexpr index_t batch = 2 * SPANKEY_LANES;
  for (index_t i = 0; i < n;) {
    const std::uint64_t number = first + static_cast<std::uint64_t>(i);
    const index_t skipped = static_cast<index_t>(number & 3);
    const index_t count = n - i < batch - skipped ? n - i : batch - skipped;
    // Parts of a batch come from the same instructions as whole ones, so from the same roundings.
    float part[2 * SPANKEY_LANES];
    float* const to = count == batch ? out + i : part;
    normal_blocks(source, number >> 2, to);
    if (count < batch) {
      for (index_t j = 0; j < count; ++j) out[i + j] = part[skipped + j];
    }
    i += count;
  }
}
