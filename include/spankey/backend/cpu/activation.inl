// One block of an activation; see activation.hpp. Comparisons of ReLU are false for a NaN, which therefore passes.
inline void relu_forward(index_t count, const SPANKEY_SCALAR* x, SPANKEY_SCALAR* y) {
  const lanes zero = {};
  for (index_t i = 0; i < count; i += SPANKEY_LANES) {
    ask_to_read(x + i);
    ask_to_write(y + i);
    const lanes v = load_lanes(x + i, count - i);
    store_lanes(y + i, count - i, v < zero ? zero : v);
  }
}

inline void relu_backward(index_t count, const SPANKEY_SCALAR* y, const SPANKEY_SCALAR* dy,
                          SPANKEY_SCALAR* dx) {
  const lanes zero = {};
  for (index_t i = 0; i < count; i += SPANKEY_LANES) {
    ask_to_read(y + i);
    ask_to_read(dy + i);
    ask_to_write(dx + i);
    const lanes off = load_lanes(y + i, count - i), g = load_lanes(dy + i, count - i);
    store_lanes(dx + i, count - i, off <= zero ? zero : g);
  }
}

inline void gelu_forward(index_t count, const SPANKEY_SCALAR* x, SPANKEY_SCALAR* y) {
  const lanes zero = {};
  for (index_t i = 0; i < count; i += SPANKEY_LANES) {
    ask_to_read(x + i);
    ask_to_write(y + i);
    const lanes v = load_lanes(x + i, count - i);
    lanes exponential;
    const lanes tail = normal_tail(v < zero ? -v : v, &exponential);
    store_lanes(y + i, count - i, v * (v < zero ? tail : 1.0F - tail));
  }
}

inline void gelu_backward(index_t count, const SPANKEY_SCALAR* x, const SPANKEY_SCALAR* dy,
                          SPANKEY_SCALAR* dx) {
  const lanes zero = {};
  for (index_t i = 0; i < count; i += SPANKEY_LANES) {
    ask_to_read(x + i);
    ask_to_read(dy + i);
    ask_to_write(dx + i);
    const lanes v = load_lanes(x + i, count - i);
    lanes exponential;
    const lanes tail = normal_tail(v < zero ? -v : v, &exponential);
    const lanes slope = (v < zero ? tail : 1.0F - tail) + v * exponential * 0.398942280F;  // 1 / sqrt(2 pi)
    store_lanes(dx + i, count - i, load_lanes(dy + i, count - i) * slope);
  }
}

inline void gelu_tanh_forward(index_t count, const SPANKEY_SCALAR* x, SPANKEY_SCALAR* y) {
  for (index_t i = 0; i < count; i += SPANKEY_LANES) {
    ask_to_read(x + i);
    ask_to_write(y + i);
    const lanes v = load_lanes(x + i, count - i);
    lanes bounded, slope;
    store_lanes(y + i, count - i, v * sigmoid_lanes(gelu_argument(v, &bounded), &slope));
  }
}

inline void gelu_tanh_backward(index_t count, const SPANKEY_SCALAR* x, const SPANKEY_SCALAR* dy,
                               SPANKEY_SCALAR* dx) {
  for (index_t i = 0; i < count; i += SPANKEY_LANES) {
    ask_to_read(x + i);
    ask_to_read(dy + i);
    ask_to_write(dx + i);
    lanes v, slope;
    const lanes s = sigmoid_lanes(gelu_argument(load_lanes(x + i, count - i), &v), &slope);
    const lanes derivative = v * v * 0.214064449F + 1.59576912F;  // of the argument
    store_lanes(dx + i, count - i, load_lanes(dy + i, count - i) * (s + v * slope * derivative));
  }
}

inline void silu_forward(index_t count, const SPANKEY_SCALAR* x, SPANKEY_SCALAR* y) {
  for (index_t i = 0; i < count; i += SPANKEY_LANES) {
    ask_to_read(x + i);
    ask_to_write(y + i);
    const lanes v = load_lanes(x + i, count - i);
    lanes slope;
    store_lanes(y + i, count - i, v * sigmoid_lanes(v, &slope));
  }
}

inline void silu_backward(index_t count, const SPANKEY_SCALAR* x, const SPANKEY_SCALAR* dy,
                          SPANKEY_SCALAR* dx) {
  for (index_t i = 0; i < count; i += SPANKEY_LANES) {
    ask_to_read(x + i);
    ask_to_read(dy + i);
    ask_to_write(dx + i);
    const lanes v = load_lanes(x + i, count - i);
    lanes slope;
    const lanes s = sigmoid_lanes(v, &slope);
    store_lanes(dx + i, count - i, load_lanes(dy + i, count - i) * (s + v * slope));
  }
}
