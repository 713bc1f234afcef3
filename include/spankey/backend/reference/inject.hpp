// Key injection, reference: y = injector.forward(x, k) element by element, and its gradients.
//   dx(n,:) = dy d(y)/d(x)        dk(n,j) = sum of dy d(y)/d(k) over the elements that number j acts on
// x, y (N, site.size()); keys and dk (N, site.key_size()), one row of dk per sample even where the key is shared:
// keys.stride is 0 (one key for all samples) or site.key_size(). The injector is a policy of inject/.
#pragma once

#include <algorithm>

#include "spankey/backend/reference/elementwise.hpp"
#include "spankey/backend/reference/tag.hpp"
#include "spankey/core/key_shape.hpp"

namespace spankey {

template <class T>
struct inject_kernels<backend::reference, T> {
  template <class Injector>
  static void forward(const Injector& injector, index_t samples, const site_geometry& site, const T* x,
                      key_view<const T> keys, T* y) {
    for (index_t n = 0; n < samples; ++n)
      for (index_t i = 0; i < site.size(); ++i)
        y[n * site.size() + i] =
            injector.forward(x[n * site.size() + i], keys.data[n * keys.stride + site.key_of(i)]);
  }
  /// dx may alias dy; dkey may be null.
  template <class Injector>
  static void backward(const Injector& injector, index_t samples, const site_geometry& site, const T* x,
                       key_view<const T> keys, const T* dy, T* dx, T* dkey) {
    if (dkey != nullptr) std::fill_n(dkey, samples * site.key_size(), T(0));
    for (index_t n = 0; n < samples; ++n)
      for (index_t i = 0; i < site.size(); ++i) {
        const index_t at = n * site.size() + i, k = site.key_of(i);
        const auto g = injector.backward(x[at], keys.data[n * keys.stride + k], dy[at]);
        dx[at] = g.dx;
        if (dkey != nullptr) dkey[n * site.key_size() + k] += g.dk;
      }
  }
  /// f(n) for every sample: what an injector of whole samples does.
  template <class F>
  static void for_each_sample(index_t samples, F&& f) {
    for (index_t n = 0; n < samples; ++n) f(n);
  }
  /// k(i) becomes what x is multiplied by under it, in place.
  template <class Injector>
  static void factors(const Injector& injector, index_t count, T* k) {
    for (index_t i = 0; i < count; ++i) k[i] = injector.forward(T(1), k[i]);
  }
  /// y(i) += shift(i): an additive key whose shifts are known.
  static void add(index_t count, const T* shift, T* y) {
    elementwise_kernels<backend::reference, T>::add(count, shift, y);
  }
  /// y(i) *= factor(i): a multiplicative key whose factors are known.
  static void scale(index_t count, const T* factor, T* y) {
    for (index_t i = 0; i < count; ++i) y[i] *= factor[i];
  }
};

}  // namespace spankey
