// Rotary positions, reference (Su et al. 2021): of every head of size D the channels i and i + D/2, for i below D/2, are turned
// by the angle  a(t, i) = (first + t) theta^(-2i/D):
//   y(i) = x(i) cos a - x(i + D/2) sin a          y(i + D/2) = x(i + D/2) cos a + x(i) sin a
// x, y (N, T, C), heads side by side; channels behind them pass. Halves lie apart as in Hugging Face's Llama; where pairs are
// neighbours, as in the Llama of llama.cpp, the rows of the maps before must be in another order (model/llama_names.hpp).
// Backward turns back: dx = R^T dy. y may be x, dx may be dy. Angles are doubles, whatever T is.
#pragma once

#include "spankey/backend/reference/tag.hpp"

namespace spankey {

template <class T>
struct rotary_kernels<backend::reference, T> {
  static constexpr index_t scratch_size(const rotary_problem& p) { return p.table_size(); }

  static void forward(const rotary_problem& p, const T* x, T* y, T* scratch) { turn(p, T(1), x, y, scratch); }
  static void backward(const rotary_problem& p, const T* dy, T* dx, T* scratch) {
    turn(p, T(-1), dy, dx, scratch);
  }

 private:
  static void turn(const rotary_problem& p, T way, const T* x, T* y, T* table) {
    p.write_table(table);
    const index_t half = p.size / 2;
    for (index_t row = 0; row < p.samples * p.tokens; ++row) {
      const T *const from = x + row * p.channels, *const cosine = table + row % p.tokens * half;
      const T* const sine = cosine + p.tokens * half;
      T* const to = y + row * p.channels;
      for (index_t head = 0; head < p.heads; ++head)
        for (index_t i = 0; i < half; ++i) {
          const index_t low = head * p.size + i, high = low + half;
          const T a = from[low], b = from[high];
          to[low] = a * cosine[i] - way * b * sine[i];
          to[high] = b * cosine[i] + way * a * sine[i];
        }
      for (index_t c = p.heads * p.size; c < p.channels; ++c) to[c] = from[c];
    }
  }
};

}  // namespace spankey
