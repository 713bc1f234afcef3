// Dropout, reference (Srivastava et al. 2014, scaled in training): y(i) = x(i) / (1 - p), or 0 where element i is dropped.
// Which are dropped follows from the problem's numbers alone (core/random.hpp), so that backward, dx(i) = dy(i) / (1 - p) or
// 0, needs nothing stored. x and y, dy and dx may be the same memory.
#pragma once

#include "spankey/backend/reference/tag.hpp"
#include "spankey/core/random.hpp"

namespace spankey {

template <class T>
struct dropout_kernels<backend::reference, T> {
  static void forward(const dropout_problem& p, index_t count, const T* x, T* y) {
    const random_source random(p.seed, stream::dropout, p.step);
    const T scale = static_cast<T>(p.scale());
    for (index_t i = 0; i < count; ++i) {
      const bool dropped = random.bits(p.first + static_cast<std::uint64_t>(i)) < p.threshold();
      y[i] = dropped ? T(0) : x[i] * scale;
    }
  }
  static void backward(const dropout_problem& p, index_t count, const T* dy, T* dx) {
    forward(p, count, dy, dx);
  }
};

}  // namespace spankey
