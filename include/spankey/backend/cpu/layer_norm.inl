// Rows [first, last) of layer norm; see layer_norm.hpp. Sums are four vectors side by side.

inline void layer_norm_rows(const layer_norm_problem& p, index_t first, index_t last,
                            const layer_norm_forward_operands<SPANKEY_SCALAR>& t) {
  const index_t channels = p.channels;
  const float count = static_cast<float>(channels), epsilon = static_cast<float>(p.epsilon);
  const lanes zero = {};
  for (index_t r = first; r < last; ++r) {
    const SPANKEY_SCALAR* const x = t.x + r * channels;
    lanes sum[4] = {}, squares[4] = {};
    for (index_t c = 0; c < channels; c += SPANKEY_LANES) {
      ask_to_read(x + c);
      ask_to_write(t.y + r * channels + c);
      sum[c / SPANKEY_LANES % 4] += load_lanes(x + c, channels - c);
    }
    const float mean = p.centred ? total_of((sum[0] + sum[1]) + (sum[2] + sum[3])) / count : 0.0F;
    for (index_t c = 0; c < channels; c += SPANKEY_LANES) {
      const lanes apart = first_of(load_lanes(x + c, channels - c) - mean, channels - c, zero);
      squares[c / SPANKEY_LANES % 4] += apart * apart;
    }
    const float variance = total_of((squares[0] + squares[1]) + (squares[2] + squares[3])) / count;
    const float rstd = 1.0F / __builtin_sqrtf(variance + epsilon);
    for (index_t c = 0; c < channels; c += SPANKEY_LANES) {
      const index_t n = channels - c;
      lanes v = (load_lanes(x + c, n) - mean) * rstd;
      if (t.gamma != nullptr) v *= load_lanes(t.gamma + c, n);
      store_lanes(t.y + r * channels + c, n, v + (t.beta != nullptr ? load_lanes(t.beta + c, n) : zero));
    }
    t.mean[r] = mean;
    t.rstd[r] = rstd;
  }
}

// sums (2, C) += dy xhat, dy of the rows; sums null: not wanted.
inline void layer_norm_gradients(const layer_norm_problem& p, index_t first, index_t last,
                                 const layer_norm_backward_operands<SPANKEY_SCALAR>& t, float* sums) {
  const index_t channels = p.channels;
  const float count = static_cast<float>(channels);
  for (index_t r = first; r < last; ++r) {
    const SPANKEY_SCALAR *const x = t.x + r * channels, *const dy = t.dy + r * channels;
    const float mean = t.mean[r], rstd = t.rstd[r];
    lanes sum[4] = {}, dot[4] = {};
    for (index_t c = 0; c < channels; c += SPANKEY_LANES) {
      ask_to_read(x + c);
      ask_to_read(dy + c);
      ask_to_write(t.dx + r * channels + c);
      const index_t n = channels - c;
      const lanes xhat = (load_lanes(x + c, n) - mean) * rstd;
      lanes g = load_lanes(dy + c, n);
      if (sums != nullptr) {
        float *const of_gamma = sums + c, *const of_beta = of_gamma + channels;
        store_lanes(of_gamma, n, load_lanes(of_gamma, n) + g * xhat);
        store_lanes(of_beta, n, load_lanes(of_beta, n) + g);
      }
      if (t.gamma != nullptr) g *= load_lanes(t.gamma + c, n);
      sum[c / SPANKEY_LANES % 4] += g;
      dot[c / SPANKEY_LANES % 4] += g * xhat;
    }
    const float shift = p.centred ? total_of((sum[0] + sum[1]) + (sum[2] + sum[3])) / count : 0.0F;
    const float slope = total_of((dot[0] + dot[1]) + (dot[2] + dot[3])) / count;
    for (index_t c = 0; c < channels; c += SPANKEY_LANES) {
      const index_t n = channels - c;
      lanes g = load_lanes(dy + c, n);
      if (t.gamma != nullptr) g *= load_lanes(t.gamma + c, n);
      const lanes xhat = (load_lanes(x + c, n) - mean) * rstd;
      store_lanes(t.dx + r * channels + c, n, (g - shift - xhat * slope) * rstd);
    }
  }
}
