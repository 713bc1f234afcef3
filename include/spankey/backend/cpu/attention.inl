// Blocks of scores and of what belongs to them; see attention.hpp. Rows are `step` floats apart and end in whole vectors.

// Of a square of vectors, from[j][k] to to[k][j]: log2 steps, each of which exchanges what lies `half` apart.
#define SPANKEY_EXCHANGE(half, low, high)                             \
  _Pragma("GCC unroll 16") for (int i = 0; i < SPANKEY_LANES; ++i) {  \
    if ((i & (half)) != 0) continue;                                  \
    const lanes a = v[i], b = v[i + (half)];                          \
    v[i] = __builtin_shufflevector(a, b, SPANKEY_LIST low);           \
    v[i + (half)] = __builtin_shufflevector(a, b, SPANKEY_LIST high); \
  }
#define SPANKEY_LIST(...) __VA_ARGS__

// to (columns, width) = from (rows, columns) transposed, zeros beyond the last row; rows <= width.
inline void attention_transpose(const float* from, index_t step, index_t rows, index_t columns, float* to,
                                index_t width) {
  for (index_t j = 0; j < width; j += SPANKEY_LANES)
    for (index_t k = 0; k < columns; k += SPANKEY_LANES) {
      lanes v[SPANKEY_LANES] = {};
#pragma GCC unroll 16
      for (int i = 0; i < SPANKEY_LANES; ++i)
        if (j + i < rows) v[i] = load_lanes(from + (j + i) * step + k, columns - k);
#if SPANKEY_LANES == 16
      SPANKEY_EXCHANGE(8, (0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23),
                       (8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31))
      SPANKEY_EXCHANGE(4, (0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27),
                       (4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31))
      SPANKEY_EXCHANGE(2, (0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29),
                       (2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31))
      SPANKEY_EXCHANGE(1, (0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30),
                       (1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31))
#elif SPANKEY_LANES == 8
      SPANKEY_EXCHANGE(4, (0, 1, 2, 3, 8, 9, 10, 11), (4, 5, 6, 7, 12, 13, 14, 15))
      SPANKEY_EXCHANGE(2, (0, 1, 8, 9, 4, 5, 12, 13), (2, 3, 10, 11, 6, 7, 14, 15))
      SPANKEY_EXCHANGE(1, (0, 8, 2, 10, 4, 12, 6, 14), (1, 9, 3, 11, 5, 13, 7, 15))
#else
      SPANKEY_EXCHANGE(2, (0, 1, 4, 5), (2, 3, 6, 7))
      SPANKEY_EXCHANGE(1, (0, 4, 2, 6), (1, 5, 3, 7))
#endif
#pragma GCC unroll 16
      for (int i = 0; i < SPANKEY_LANES; ++i)
        if (k + i < columns) *reinterpret_cast<lanes*>(to + (k + i) * width + j) = v[i];
    }
}
#undef SPANKEY_EXCHANGE
#undef SPANKEY_LIST

// Row r sees the first min(keys, r + seen) scores, and has zeros in place of the rest of its `width`.
//   largest = max(before, s)   p = exp(scale (s - largest))   total = total scale' + sum of p   o *= scale'
// with scale' = exp(scale (before - largest)); o null: there is nothing before.
inline void attention_softmax(const attention_block& of, float scale, float* s, float* largest, float* total,
                              float* o, index_t o_step, index_t o_width) {
  const lanes zero = {};
  for (index_t r = 0; r < of.rows; ++r) {
    float* const row = s + r * of.width;
    const index_t seen = of.seen_by(r);
    index_t end = seen;
    for (; end % SPANKEY_LANES != 0; ++end) row[end] = -__builtin_inff();
    lanes most = zero - __builtin_inff();
    for (index_t i = 0; i < end; i += SPANKEY_LANES) {
      const lanes v = *reinterpret_cast<const lanes*>(row + i);
      most = v > most ? v : most;
    }
    const float before = o != nullptr ? largest[r] : -__builtin_inff(), now = largest_of(most);
    const float top = now > before ? now : before;
    lanes sum = {};
    for (index_t i = 0; i < end; i += SPANKEY_LANES) {
      const lanes p = exp_lanes((*reinterpret_cast<const lanes*>(row + i) - top) * scale, zero);
      *reinterpret_cast<lanes*>(row + i) = p;
      sum += p;
    }
    for (; end < of.width; ++end) row[end] = 0;
    largest[r] = top;
    if (o == nullptr) {
      total[r] = total_of(sum);
      continue;
    }
    const float factor = exp_lanes(zero + (before - top) * scale, zero)[0];
    total[r] = total[r] * factor + total_of(sum);
    for (index_t i = 0; i < o_width; i += SPANKEY_LANES)
      *reinterpret_cast<lanes*>(o + r * o_step + i) *= factor;
  }
}

// s = exp(scale s - lse), rows and zeros as above.
inline void attention_probabilities(const attention_block& of, float scale, const float* lse, float* s) {
  const lanes zero = {};
  for (index_t r = 0; r < of.rows; ++r) {
    float* const row = s + r * of.width;
    index_t end = of.seen_by(r);
    for (; end % SPANKEY_LANES != 0; ++end) row[end] = -__builtin_inff();
    for (index_t i = 0; i < end; i += SPANKEY_LANES) {
      lanes* const v = reinterpret_cast<lanes*>(row + i);
      *v = exp_lanes(*v * scale - lse[r], zero);
    }
    for (; end < of.width; ++end) row[end] = 0;
  }
}

// dp = scale p (dp - mean), rows and zeros as above: the gradient of the products of queries and keys.
inline void attention_score_gradients(const attention_block& of, float scale, const float* p,
                                      const float* mean, float* dp) {
  for (index_t r = 0; r < of.rows; ++r) {
    float* const row = dp + r * of.width;
    index_t end = 0;
    for (const index_t seen = of.seen_by(r); end < seen; end += SPANKEY_LANES) {
      lanes* const v = reinterpret_cast<lanes*>(row + end);
      *v = (*v - mean[r]) * scale * *reinterpret_cast<const lanes*>(p + r * of.width + end);
    }
    for (; end < of.width; ++end) row[end] = 0;
  }
}

// a . b; both end in whole vectors, of zeros.
inline float attention_dot(const float* a, const float* b, index_t count) {
  lanes sum = {};
  for (index_t i = 0; i < count; i += SPANKEY_LANES)
    sum += *reinterpret_cast<const lanes*>(a + i) * *reinterpret_cast<const lanes*>(b + i);
  return total_of(sum);
}

inline void attention_scale(float* row, index_t count, float factor) {
  for (index_t i = 0; i < count; i += SPANKEY_LANES) *reinterpret_cast<lanes*>(row + i) *= factor;
}
