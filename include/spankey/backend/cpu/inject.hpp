// Key injection, CPU: y = injector.forward(x, k) element by element, and its gradients; everything overwrites.
//   dx(n,:) = dy d(y)/d(x)        dk(n,j) = sum of dy d(y)/d(k) over the elements that number j acts on
// x, y (N, site.size()); keys and dk (N, site.key_size()), one row of dk per sample even where the key is shared;
// keys.stride is 0 (one key for all samples) or site.key_size(). The formulas of backend/injection.hpp have vector kernels,
// with a tanh accurate to 2e-7; any other policy runs its own functions, in float, in the same blocks (inject_block.hpp).
// Specification: backend/reference/inject.hpp and the policies of inject/.
#pragma once

#include <algorithm>

#include "spankey/backend/cpu/inject_block.hpp"
#include "spankey/backend/cpu/tag.hpp"

namespace spankey {

template <cpu::Scalar T>
struct inject_kernels<backend::cpu, T> {
  template <class Injector>
  static void forward(const Injector& injector, index_t samples, const site_geometry& site, const T* x,
                      key_view<const float> keys, T* y) {
    for_each_block(samples, site.size(), [&](index_t first, index_t last, index_t column, index_t count) {
      cpu::inject_block<Injector, T> block(injector, false);
      for (index_t n = first; n < last; ++n) {
        if (n == first || keys.stride != 0) read({site, column, count}, keys.data + n * keys.stride, block);
        const index_t at = n * site.size() + column;
        block.forward(count, x + at, y + at);
      }
    });
  }

  /// dx may alias dy; dkey may be null.
  template <class Injector>
  static void backward(const Injector& injector, index_t samples, const site_geometry& site, const T* x,
                       key_view<const float> keys, const T* dy, T* dx, float* dkey) {
    if (dkey != nullptr && site.key != key_shape::element)
      return backward_collected(injector, samples, site, x, keys, dy, dx, dkey);
    for_each_block(samples, site.size(), [&](index_t first, index_t last, index_t column, index_t count) {
      cpu::inject_block<Injector, T> block(injector, dkey != nullptr);
      for (index_t n = first; n < last; ++n) {
        if (n == first || keys.stride != 0) read({site, column, count}, keys.data + n * keys.stride, block);
        const index_t at = n * site.size() + column;
        block.backward(count, x + at, dy + at, dx + at, dkey != nullptr ? dkey + at : nullptr);
      }
    });
  }

  /// f(n) for every sample: what an injector of whole samples does.
  template <class F>
  static void for_each_sample(index_t samples, F&& f) {
    parallel_for(samples, f);
  }
  /// k(i) becomes what x is multiplied by under it, in place; of a policy whose formula is multiply.
  template <class Injector>
  static void factors(const Injector& injector, index_t count, float* k) {
    static_assert(formula_of<Injector> == injection_formula::multiply);
    SPANKEY_DISPATCH(multiplicative_factors)
    (count, injector.gamma, Injector::lowest, Injector::highest, k, k, nullptr);
  }
  /// y(i) += shift(i): an additive key whose shifts are known.
  static void add(index_t count, const T* shift, T* y) {
    elementwise_kernels<backend::cpu, T>::add(count, shift, y);
  }

  /// y(i) *= factor(i): a multiplicative key whose factors are known.
  static void scale(index_t count, const float* factor, T* y) {
    const auto product = SPANKEY_DISPATCH(inject_scale);
    cpu::for_each_block(count, cpu::block_elements,
                        [&](index_t first, index_t n) { product(n, y + first, factor + first, y + first); });
  }

 private:
  // A block is a piece of the key times a few samples: a shared key is turned into factors once for all.
  static constexpr index_t block_columns = cpu::inject_columns, block_samples = 8;

  // f(first sample, last sample, column, columns), in parallel.
  template <class F>
  static void for_each_block(index_t samples, index_t d, const F& f) {
    const index_t across = cpu::pieces(d, block_columns);
    parallel_for(cpu::pieces(samples, block_samples) * across, [&](index_t task) {
      const index_t first = task / across * block_samples, column = task % across * block_columns;
      f(first, std::min(first + block_samples, samples), column, std::min(block_columns, d - column));
    });
  }

  template <class Block>
  static void read(const cpu::key_columns& columns, const float* key, Block& block) {
    if (columns.site.key == key_shape::element) {
      block.read(columns.count, key + columns.first);
    } else {
      block.read(columns, key);
    }
  }

  // A sample a task: the sums of its key's gradient run over all its columns.
  template <class Injector>
  static void backward_collected(const Injector& injector, index_t samples, const site_geometry& site,
                                 const T* x, key_view<const float> keys, const T* dy, T* dx, float* dkey) {
    parallel_for(samples, [&](index_t n) {
      cpu::inject_block<Injector, T> block(injector, true);
      float* const sums = dkey + n * site.key_size();
      float apart[block_columns];
      std::fill_n(sums, site.key_size(), 0.0F);
      for (index_t column = 0; column < site.size(); column += block_columns) {
        const cpu::key_columns columns{site, column, std::min(block_columns, site.size() - column)};
        const index_t at = n * site.size() + column;
        block.read(columns, keys.data + n * keys.stride);
        block.backward(columns.count, x + at, dy + at, dx + at, apart);
        columns.collect(apart, sums);
      }
    });
  }
};

}  // namespace spankey
