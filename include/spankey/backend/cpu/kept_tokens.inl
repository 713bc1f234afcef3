// Attention of one query among tokens that were kept; formulas: backend/row_product.hpp.
inline void attend_kept(const kept_tokens* p) {
  const float scale = 1 / std::sqrt(static_cast<float>(p->size));
  float most = 0;
  for (index_t t = 0; t < p->tokens; ++t) {
    lanes sum = {};
    for (index_t c = 0; c < p->size; c += SPANKEY_LANES)
      sum =
          load_lanes(p->query + c, p->size - c) * load_lanes(p->keys + t * p->stride + c, p->size - c) + sum;
    p->scores[t] = total_of(sum) * scale;
    most = t == 0 || p->scores[t] > most ? p->scores[t] : most;
  }
  lanes total = {};
  for (index_t t = 0; t < p->tokens; t += SPANKEY_LANES) {
    const index_t n = p->tokens - t;
    const lanes e = first_of(exp_lanes(load_lanes(p->scores + t, n) - most, lanes{}), n, lanes{});
    store_lanes(p->scores + t, n, e);
    total += e;
  }
  const float share = 1 / total_of(total);
  for (index_t c = 0; c < p->size; c += 2 * SPANKEY_LANES) {
    const index_t n = p->size - c, m = n - SPANKEY_LANES;
    lanes low = {}, high = {};
    for (index_t t = 0; t < p->tokens; ++t) {
      const float* const v = p->values + t * p->stride + c;
      low = load_lanes(v, n) * p->scores[t] + low;
      if (m > 0) high = load_lanes(v + SPANKEY_LANES, m) * p->scores[t] + high;
    }
    store_lanes(p->y + c, n, low * share);
    if (m > 0) store_lanes(p->y + c + SPANKEY_LANES, m, high * share);
  }
}
