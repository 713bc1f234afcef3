// A gated activation, reference (Shazeer, "GLU variants improve transformer", 2020): of a row g | u of 2C channels
//   y = act(g) u                    SwiGLU where act is silu, GEGLU where it is a GELU
//   dg = dy u act'(g)               du = dy act(g)
// x, dx (rows, 2C): gates, then what they let through; y, dy (rows, C). act and act': backend/reference/activation.hpp.
#pragma once

#include "spankey/backend/reference/activation.hpp"

namespace spankey {

template <class T>
struct gated_kernels<backend::reference, T> {
  using of = activation_kernels<backend::reference, T>;

  static void forward(const gated_problem& p, activation act, const T* x, T* y) {
    for (index_t r = 0; r < p.rows; ++r)
      for (index_t c = 0; c < p.channels; ++c) {
        const T* const gate = x + r * 2 * p.channels + c;
        y[r * p.channels + c] = of::value(act, *gate) * gate[p.channels];
      }
  }
  static void backward(const gated_problem& p, activation act, const T* x, const T* dy, T* dx) {
    for (index_t r = 0; r < p.rows; ++r)
      for (index_t c = 0; c < p.channels; ++c) {
        const index_t at = r * 2 * p.channels + c;
        const T value = of::value(act, x[at]), g = dy[r * p.channels + c], through = g * x[at + p.channels];
        of::backward(act, 1, x + at, &value, &through, dx + at);
        dx[at + p.channels] = g * value;
      }
  }
};

}  // namespace spankey
