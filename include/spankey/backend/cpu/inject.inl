// Vector kernels of the additive and multiplicative injectors; see inject.hpp.

// y = x factor; dx = dy factor.
inline void inject_scale(index_t count, const SPANKEY_SCALAR* x, const float* factor, SPANKEY_SCALAR* y) {
  for (index_t i = 0; i < count; i += SPANKEY_LANES)
    store_lanes(y + i, count - i, load_lanes(x + i, count - i) * load_lanes(factor + i, count - i));
}

// dk = dy x slope.
inline void inject_scale_key(index_t count, const SPANKEY_SCALAR* x, const float* slope,
                             const SPANKEY_SCALAR* dy, float* dk) {
  for (index_t i = 0; i < count; i += SPANKEY_LANES) {
    const index_t n = count - i;
    store_lanes(dk + i, n, load_lanes(dy + i, n) * load_lanes(x + i, n) * load_lanes(slope + i, n));
  }
}

// y = x + gamma k.
inline void inject_add(index_t count, float gamma, const SPANKEY_SCALAR* x, const float* key,
                       SPANKEY_SCALAR* y) {
  for (index_t i = 0; i < count; i += SPANKEY_LANES)
    store_lanes(y + i, count - i, load_lanes(key + i, count - i) * gamma + load_lanes(x + i, count - i));
}

// dk = gamma dy.
inline void inject_add_key(index_t count, float gamma, const SPANKEY_SCALAR* dy, float* dk) {
  for (index_t i = 0; i < count; i += SPANKEY_LANES)
    store_lanes(dk + i, count - i, load_lanes(dy + i, count - i) * gamma);
}
