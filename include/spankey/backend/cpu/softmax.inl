// A softmax of one row of many logits; see softmax.hpp. Lanes beyond the last logit are -infinity, whose exponential is 0.

inline __attribute__((always_inline)) lanes load_logits(const float* z, index_t n) {
  return first_of(load_lanes(z, n), n, lanes{} - __builtin_inff());
}

// Sums of at most 64 terms a lane in float, the rest in double.
inline softmax_sum sum_softmax(index_t count, const float* z) {
  const lanes zero = {};
  lanes most = zero - __builtin_inff();
  for (index_t i = 0; i < count; i += SPANKEY_LANES) {
    const lanes v = load_logits(z + i, count - i);
    most = v > most ? v : most;
  }
  softmax_sum found = {largest_of(most), 0};
  constexpr index_t chunk = 64 * SPANKEY_LANES;
  for (index_t first = 0; first < count; first += chunk) {
    const index_t end = first + chunk < count ? first + chunk : count;
    lanes sum = {};
    for (index_t i = first; i < end; i += SPANKEY_LANES)
      sum += exp_lanes(load_logits(z + i, end - i) - found.largest, zero);
    found.total += static_cast<double>(total_of(sum));
  }
  return found;
}

inline void add_softmax(index_t count, const float* z, float largest, float factor, float* to) {
  const lanes zero = {};
  for (index_t i = 0; i < count; i += SPANKEY_LANES) {
    const lanes e = exp_lanes(load_logits(z + i, count - i) - largest, zero);
    store_lanes(to + i, count - i, load_lanes(to + i, count - i) + e * factor);
  }
}
