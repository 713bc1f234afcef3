// Linear map, reference: y(n,o) = sum_i x(n,i) w(i,o) + b(o)
//   dx(n,i) = sum_o dy(n,o) w(i,o)      dw(i,o) += sum_n x(n,i) dy(n,o)      db(o) += sum_n dy(n,o)
#pragma once

#include "spankey/backend/reference/tag.hpp"

namespace spankey {

template <class T>
struct linear_kernels<backend::reference, T> {
  static constexpr index_t scratch_size(const linear_problem&) { return 0; }

  static void forward(const linear_problem& p, const T* x, const T* w, const T* bias, T* y, T* /*scratch*/) {
    for (index_t n = 0; n < p.samples; ++n)
      for (index_t o = 0; o < p.out; ++o) {
        T sum = bias != nullptr ? bias[o] : T(0);
        for (index_t i = 0; i < p.in; ++i) sum += x[n * p.in + i] * w[i * p.out + o];
        y[n * p.out + o] = sum;
      }
  }
  static void backward_data(const linear_problem& p, const T* dy, const T* w, T* dx, T* /*scratch*/) {
    for (index_t n = 0; n < p.samples; ++n)
      for (index_t i = 0; i < p.in; ++i) {
        T sum = 0;
        for (index_t o = 0; o < p.out; ++o) sum += dy[n * p.out + o] * w[i * p.out + o];
        dx[n * p.in + i] = sum;
      }
  }
  /// dbias may be null.
  static void backward_weights(const linear_problem& p, const T* x, const T* dy, T* dw, T* dbias,
                               T* /*scratch*/) {
    for (index_t n = 0; n < p.samples; ++n)
      for (index_t o = 0; o < p.out; ++o) {
        for (index_t i = 0; i < p.in; ++i) dw[i * p.out + o] += x[n * p.in + i] * dy[n * p.out + o];
        if (dbias != nullptr) dbias[o] += dy[n * p.out + o];
      }
  }
};

}  // namespace spankey
