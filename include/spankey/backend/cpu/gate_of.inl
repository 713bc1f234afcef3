// act(v), and act'(v).
inline __attribute__((always_inline)) lanes gate_of(activation act, lanes v, lanes* slope) {
  const lanes zero = {}, one = zero + 1.0F;
  lanes inner;
  if (act == activation::silu) {
    const lanes s = sigmoid_lanes(v, &inner);
    *slope = s + v * inner;
    return v * s;
  }
  if (act == activation::gelu) {
    lanes exponential;
    const lanes tail = normal_tail(v < zero ? -v : v, &exponential), s = v < zero ? tail : 1.0F - tail;
    *slope = s + v * exponential * 0.398942280F;  // 1 / sqrt(2 pi)
    return v * s;
  }
  if (act == activation::gelu_tanh) {
    lanes bounded;
    const lanes s = sigmoid_lanes(gelu_argument(v, &bounded), &inner);
    *slope = s + bounded * inner * (bounded * bounded * 0.214064449F + 1.59576912F);
    return v * s;
  }
  *slope = act == activation::relu ? (v <= zero ? zero : one) : one;
  return act == activation::relu ? (v < zero ? zero : v) : v;
}
