// Partial vectors; see lanes.hpp. Lanes beyond n read as 0.
inline __attribute__((always_inline)) lanes load_lanes(const float* p, index_t n) {
  if (n >= SPANKEY_LANES) return *reinterpret_cast<const lanes*>(p);
  float part[SPANKEY_LANES] = {};
  for (index_t i = 0; i < n; ++i) part[i] = p[i];
  return *reinterpret_cast<const lanes*>(part);
}

inline __attribute__((always_inline)) void store_lanes(float* p, index_t n, lanes v) {
  if (n >= SPANKEY_LANES) {
    *reinterpret_cast<lanes*>(p) = v;
    return;
  }
  for (index_t i = 0; i < n; ++i) p[i] = v[i];
}
