// What a key becomes before it meets activations; see inject.hpp.

// tanh v = 1 - 2 / (exp(2 v) + 1). exp(2 v) = 2^z, z = n + f with n whole and |f| <= 1/2: 2^f by its Taylor
// polynomial of degree 7 (error 5e-9), 2^n through the exponent bits. Beyond |v| = 9 the result is 1 to the
// last bit but one. The bounds are comparisons that a NaN fails, so a NaN comes out as a NaN.
inline __attribute__((always_inline)) lanes tanh_lanes(lanes v) {
  typedef int bits __attribute__((vector_size(4 * SPANKEY_LANES)));
  const lanes zero = {}, bound = zero + 9.0F;
  v = v > bound ? bound : v;
  v = v < -bound ? -bound : v;
  const lanes z = v * 2.885390081777927F;  // 2 / ln 2
  const lanes shifted = z + 12582912.0F;   // 1.5 * 2^23: the sum's last bit is worth 1
  const lanes f = z - (shifted - 12582912.0F);
  lanes power = f * 1.525273e-5F + 1.5403530e-4F;  // (ln 2)^k / k!, k = 7 .. 0
  power = power * f + 1.33335581e-3F;
  power = power * f + 9.61812911e-3F;
  power = power * f + 5.55041087e-2F;
  power = power * f + 2.40226507e-1F;
  power = power * f + 6.93147181e-1F;
  power = power * f + 1.0F;
  const bits exponent = reinterpret_cast<bits>(shifted) << 23;
  const lanes exp2v = reinterpret_cast<lanes>(reinterpret_cast<bits>(power) + exponent);
  return 1.0F - 2.0F / (exp2v + 1.0F);
}

// factor = clamp(1 + gamma tanh k, lowest, highest); slope (may be null) = its derivative, 0 outside.
inline void multiplicative_factors(index_t count, float gamma, double lowest, double highest,
                                   const float* key, float* factor, float* slope) {
  const lanes zero = {}, low = zero + static_cast<float>(lowest), high = zero + static_cast<float>(highest);
  for (index_t i = 0; i < count; i += SPANKEY_LANES) {
    const index_t n = count - i;
    const lanes t = tanh_lanes(load_lanes(key + i, n)), m = t * gamma + 1.0F;
    store_lanes(factor + i, n, m < low ? low : (m > high ? high : m));
    if (slope != nullptr)
      store_lanes(slope + i, n, ((m >= low) & (m <= high)) ? (1.0F - t * t) * gamma : zero);
  }
}

// The sum of a row: four vectors side by side, then their lanes.
inline float inject_total(index_t count, const float* v) {
  lanes sum[4] = {};
  for (index_t i = 0; i < count; i += SPANKEY_LANES)
    sum[i / SPANKEY_LANES % 4] += load_lanes(v + i, count - i);
  return total_of((sum[0] + sum[1]) + (sum[2] + sum[3]));
}
