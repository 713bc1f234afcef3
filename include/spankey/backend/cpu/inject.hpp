// Key injection, CPU: y = injector.forward(x, k) element by element, and its gradients; everything overwrites.
//   dx(n,:) = dy d(y)/d(x)        dk(n,:) = dy d(y)/d(k), one row per sample even where the key is shared
// x, y (N, d); keys.stride is 0 (one key for all samples) or d. The formulas of backend/injection.hpp have vector
// kernels, with a tanh accurate to 2e-7; any other policy runs its own functions, in float, in the same blocks.
// Specification: backend/reference/inject.hpp and the policies of inject/.
#pragma once

#include <algorithm>

#include "spankey/backend/cpu/lanes.hpp"
#include "spankey/backend/cpu/tag.hpp"
#include "spankey/backend/injection.hpp"

#define SPANKEY_ISA_TEXT "spankey/backend/cpu/inject_key.inl"
#include "spankey/backend/cpu/foreach_isa.hpp"
#define SPANKEY_SCALAR_TEXT "spankey/backend/cpu/inject.inl"
#define SPANKEY_ISA_TEXT "spankey/backend/cpu/foreach_scalar.inl"
#include "spankey/backend/cpu/foreach_isa.hpp"
#undef SPANKEY_SCALAR_TEXT

namespace spankey {

template <cpu::Scalar T>
struct inject_kernels<backend::cpu, T> {
  template <class Injector>
  static void forward(const Injector& injector, index_t samples, index_t d, const T* x,
                      key_view<const float> keys, T* y) {
    for_each_block(samples, d, [&](index_t first, index_t last, index_t column, index_t count) {
      if constexpr (formula_of<Injector> == injection_formula::multiply) {
        const auto factors = SPANKEY_DISPATCH(multiplicative_factors);
        const auto scale = SPANKEY_DISPATCH(inject_scale);
        float factor[block_columns];
        for (index_t n = first; n < last; ++n) {
          if (n == first || keys.stride != 0)
            factors(count, injector.gamma, Injector::lowest, Injector::highest,
                    keys.data + n * keys.stride + column, factor, nullptr);
          scale(count, x + n * d + column, factor, y + n * d + column);
        }
      } else if constexpr (formula_of<Injector> == injection_formula::add) {
        const auto add = SPANKEY_DISPATCH(inject_add);
        for (index_t n = first; n < last; ++n)
          add(count, injector.gamma, x + n * d + column, keys.data + n * keys.stride + column,
              y + n * d + column);
      } else {
        for (index_t n = first; n < last; ++n)
          for (index_t i = column; i < column + count; ++i)
            y[n * d + i] = static_cast<T>(
                injector.forward(static_cast<float>(x[n * d + i]), keys.data[n * keys.stride + i]));
      }
    });
  }

  /// dx may alias dy; dkey may be null.
  template <class Injector>
  static void backward(const Injector& injector, index_t samples, index_t d, const T* x,
                       key_view<const float> keys, const T* dy, T* dx, float* dkey) {
    for_each_block(samples, d, [&](index_t first, index_t last, index_t column, index_t count) {
      if constexpr (formula_of<Injector> == injection_formula::multiply) {
        const auto factors = SPANKEY_DISPATCH(multiplicative_factors);
        const auto scale = SPANKEY_DISPATCH(inject_scale);
        const auto key_gradient = SPANKEY_DISPATCH(inject_scale_key);
        float factor[block_columns], slope[block_columns];
        for (index_t n = first; n < last; ++n) {
          if (n == first || keys.stride != 0)
            factors(count, injector.gamma, Injector::lowest, Injector::highest,
                    keys.data + n * keys.stride + column, factor, dkey != nullptr ? slope : nullptr);
          const index_t at = n * d + column;
          // Before dx, which may overwrite dy.
          if (dkey != nullptr) key_gradient(count, x + at, slope, dy + at, dkey + at);
          scale(count, dy + at, factor, dx + at);
        }
      } else if constexpr (formula_of<Injector> == injection_formula::add) {
        const auto key_gradient = SPANKEY_DISPATCH(inject_add_key);
        for (index_t n = first; n < last; ++n) {
          const index_t at = n * d + column;
          if (dkey != nullptr) key_gradient(count, injector.gamma, dy + at, dkey + at);
          if (dx != dy) std::copy_n(dy + at, count, dx + at);
        }
      } else {
        for (index_t n = first; n < last; ++n)
          for (index_t i = column; i < column + count; ++i) {
            const auto g = injector.backward(static_cast<float>(x[n * d + i]), keys.data[n * keys.stride + i],
                                             static_cast<float>(dy[n * d + i]));
            dx[n * d + i] = static_cast<T>(g.dx);
            if (dkey != nullptr) dkey[n * d + i] = g.dk;
          }
      }
    });
  }

  /// to(i) += from(i): gradients of groups that share an input.
  static void add(index_t count, const T* from, T* to) {
    const auto sum = SPANKEY_DISPATCH(inject_sum);
    cpu::for_each_block(count, cpu::block_elements,
                        [&](index_t first, index_t n) { sum(n, from + first, to + first); });
  }

  /// y(i) *= factor(i): a multiplicative key whose factors are known.
  static void scale(index_t count, const float* factor, T* y) {
    const auto product = SPANKEY_DISPATCH(inject_scale);
    cpu::for_each_block(count, cpu::block_elements,
                        [&](index_t first, index_t n) { product(n, y + first, factor + first, y + first); });
  }

 private:
  // A block is a piece of the key times a few samples: a shared key is turned into factors once for all.
  static constexpr index_t block_columns = 2048, block_samples = 8;

  // f(first sample, last sample, column, columns), in parallel.
  template <class F>
  static void for_each_block(index_t samples, index_t d, const F& f) {
    const index_t across = cpu::pieces(d, block_columns);
    parallel_for(cpu::pieces(samples, block_samples) * across, [&](index_t task) {
      const index_t first = task / across * block_samples, column = task % across * block_columns;
      f(first, std::min(first + block_samples, samples), column, std::min(block_columns, d - column));
    });
  }
};

}  // namespace spankey
