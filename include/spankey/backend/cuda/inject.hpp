// Key injection, CUDA. The formulas of backend/injection.hpp have kernels; another one would have to be compiled by nvcc.
// Specification: backend/reference/inject.hpp and the policies of inject/.
#pragma once

#include "spankey/backend/cuda/kernels.hpp"
#include "spankey/backend/cuda/tag.hpp"

namespace spankey {

template <cuda::Scalar T>
struct inject_kernels<backend::cuda, T> {
  template <class Injector>
  static void forward(const Injector& injector, index_t samples, const site_geometry& site, const T* x,
                      key_view<const float> keys, T* y) {
    cuda::inject_forward(policy_of(injector), samples, site, x, keys, y);
  }
  /// dx may alias dy; dkey may be null.
  template <class Injector>
  static void backward(const Injector& injector, index_t samples, const site_geometry& site, const T* x,
                       key_view<const float> keys, const T* dy, T* dx, float* dkey) {
    cuda::inject_backward(policy_of(injector), samples, site, x, keys, dy, dx, dkey);
  }
  static void add(index_t count, const T* shift, T* y) { cuda::sum(count, y, shift, y); }
  static void scale(index_t count, const float* factor, T* y) { cuda::scale(count, factor, y); }

 private:
  template <class Injector>
  static cuda::injection_policy policy_of(const Injector& injector) {
    constexpr injection_formula formula = formula_of<Injector>;
    static_assert(formula != injection_formula::own,
                  "SpanKey: backend::cuda has kernels for the injectors additive, multiplicative and none; "
                  "train another one on backend::cpu");
    if constexpr (formula == injection_formula::add) {
      return {formula, injector.gamma, 0, 0};
    } else if constexpr (formula == injection_formula::multiply) {
      return {formula, injector.gamma, static_cast<float>(Injector::lowest),
              static_cast<float>(Injector::highest)};
    } else {
      return {};
    }
  }
};

}  // namespace spankey
