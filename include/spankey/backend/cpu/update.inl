// One block of an update; see update.hpp.
inline void sgd_plain(const sgd_update& u, index_t count, const float* gradient, float* value) {
  const float lr = static_cast<float>(u.learning_rate), decay = static_cast<float>(u.weight_decay);
  for (index_t i = 0; i < count; i += SPANKEY_LANES) {
    const lanes w = load_lanes(value + i, count - i);
    const lanes g = w * decay + load_lanes(gradient + i, count - i);
    store_lanes(value + i, count - i, w - g * lr);
  }
}

inline void sgd_momentum(const sgd_update& u, index_t count, const float* gradient, float* momentum,
                         float* value) {
  const float lr = static_cast<float>(u.learning_rate), decay = static_cast<float>(u.weight_decay),
              mu = static_cast<float>(u.momentum);
  for (index_t i = 0; i < count; i += SPANKEY_LANES) {
    const index_t n = count - i;
    const lanes w = load_lanes(value + i, n);
    const lanes g = w * decay + load_lanes(gradient + i, n);
    const lanes v = u.first_step ? g : load_lanes(momentum + i, n) * mu + g;
    store_lanes(momentum + i, n, v);
    store_lanes(value + i, n, w - (u.nesterov ? v * mu + g : v) * lr);
  }
}

inline void adam_block(const adam_factors& f, index_t count, const float* gradient, float* first,
                       float* second, float* value) {
  const lanes zero = {};
  for (index_t i = 0; i < count; i += SPANKEY_LANES) {
    const index_t n = count - i;
    const lanes w = load_lanes(value + i, n);
    const lanes g = w * f.decay + load_lanes(gradient + i, n);
    const lanes m = (f.first_step ? zero : load_lanes(first + i, n)) * f.beta1 + g * f.rest1;
    const lanes v = (f.first_step ? zero : load_lanes(second + i, n)) * f.beta2 + g * g * f.rest2;
    store_lanes(first + i, n, m);
    store_lanes(second + i, n, v);
    store_lanes(value + i, n, w * f.shrink - m * f.step_size / (root(v) * f.inverse_correction + f.epsilon));
  }
}

inline double sum_of_squares(index_t count, const float* x) {
  constexpr index_t chunk = 1024 * SPANKEY_LANES;
  double total = 0;
  for (index_t first = 0; first < count; first += chunk) {
    lanes sum = {};
    const index_t end = first + chunk < count ? first + chunk : count;
    for (index_t i = first; i < end; i += SPANKEY_LANES) {
      const lanes v = load_lanes(x + i, end - i);
      sum = v * v + sum;
    }
    for (int l = 0; l < SPANKEY_LANES; ++l) total += static_cast<double>(sum[l]);
  }
  return total;
}
