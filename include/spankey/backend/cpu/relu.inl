// One block of ReLU; see relu.hpp. The comparisons are false for a NaN, which therefore passes.
inline void relu_forward(index_t count, const SPANKEY_SCALAR* x, SPANKEY_SCALAR* y) {
  const lanes zero = {};
  for (index_t i = 0; i < count; i += SPANKEY_LANES) {
    const lanes v = load_lanes(x + i, count - i);
    store_lanes(y + i, count - i, v < zero ? zero : v);
  }
}

inline void relu_backward(index_t count, const SPANKEY_SCALAR* y, const SPANKEY_SCALAR* dy,
                          SPANKEY_SCALAR* dx) {
  const lanes zero = {};
  for (index_t i = 0; i < count; i += SPANKEY_LANES) {
    const lanes off = load_lanes(y + i, count - i), g = load_lanes(dy + i, count - i);
    store_lanes(dx + i, count - i, off <= zero ? zero : g);
  }
}
