// Key injection, reference: y = injector.forward(x, k) element by element, and its gradients.
//   dx(n,:) = dy d(y)/d(x)        dk(n,:) = dy d(y)/d(k), one row per sample even where the key is shared
// x, y (N, d); keys.stride is 0 (one key for all samples) or d. The injector is a policy of inject/.
#pragma once

#include "spankey/backend/reference/tag.hpp"

namespace spankey {

template <class T>
struct inject_kernels<backend::reference, T> {
  template <class Injector>
  static void forward(const Injector& injector, index_t samples, index_t d, const T* x,
                      key_view<const T> keys, T* y) {
    for (index_t n = 0; n < samples; ++n)
      for (index_t i = 0; i < d; ++i)
        y[n * d + i] = injector.forward(x[n * d + i], keys.data[n * keys.stride + i]);
  }
  /// dx may alias dy; dkey may be null.
  template <class Injector>
  static void backward(const Injector& injector, index_t samples, index_t d, const T* x,
                       key_view<const T> keys, const T* dy, T* dx, T* dkey) {
    for (index_t n = 0; n < samples; ++n)
      for (index_t i = 0; i < d; ++i) {
        const auto g = injector.backward(x[n * d + i], keys.data[n * keys.stride + i], dy[n * d + i]);
        dx[n * d + i] = g.dx;
        if (dkey != nullptr) dkey[n * d + i] = g.dk;
      }
  }
  /// to(i) += from(i): gradients of groups that share an input.
  static void add(index_t count, const T* from, T* to) {
    for (index_t i = 0; i < count; ++i) to[i] += from[i];
  }
  /// y(i) *= factor(i): a multiplicative key whose factors are known.
  static void scale(index_t count, const T* factor, T* y) {
    for (index_t i = 0; i < count; ++i) y[i] *= factor[i];
  }
};

}  // namespace spankey
