// Rows of a gated activation; see gated.hpp.
inline void gated_forward(activation act, index_t channels, index_t rows, const SPANKEY_SCALAR* x,
                          SPANKEY_SCALAR* y) {
  for (index_t r = 0; r < rows; ++r) {
    const SPANKEY_SCALAR *const gates = x + r * 2 * channels, *const through = gates + channels;
    for (index_t c = 0; c < channels; c += SPANKEY_LANES) {
      lanes slope;
      const index_t n = channels - c;
      const lanes value = gate_of(act, load_lanes(gates + c, n), &slope);
      store_lanes(y + r * channels + c, n, value * load_lanes(through + c, n));
    }
  }
}

inline void gated_backward(activation act, index_t channels, index_t rows, const SPANKEY_SCALAR* x,
                           const SPANKEY_SCALAR* dy, SPANKEY_SCALAR* dx) {
  for (index_t r = 0; r < rows; ++r) {
    const index_t row = r * 2 * channels;
    for (index_t c = 0; c < channels; c += SPANKEY_LANES) {
      lanes slope;
      const index_t n = channels - c, gate = row + c, through = gate + channels;
      const lanes value = gate_of(act, load_lanes(x + gate, n), &slope);
      const lanes g = load_lanes(dy + r * channels + c, n), u = load_lanes(x + through, n);
      store_lanes(dx + gate, n, g * u * slope);
      store_lanes(dx + through, n, g * value);
    }
  }
}
