// Tokens and their positions, reference. x (N, T - 1 or T, C), y (N, T, C), positions (T, C), first (C):
//   y(n, t) = positions(t) + x(n, t), or with a class token positions(t) + (t == 0 ? first : x(n, t - 1))
//   dx = dy of the tokens of x      dpositions(t) += sum over n of dy(n, t)      dfirst += sum over n of dy(n, 0)
//   take   y (N, C) = x (N, T, C) at one token          put   dx (N, T, C) = dy (N, C) there, 0 elsewhere
#pragma once

#include <algorithm>

#include "spankey/backend/reference/tag.hpp"

namespace spankey {

template <class T>
struct tokens_kernels<backend::reference, T> {
  /// `first` is not read without a class token.
  static void forward(const tokens_problem& p, const T* x, const T* first, const T* positions, T* y) {
    for_each(p, [&](index_t n, index_t t, index_t c) {
      const T from = begins(p, t) ? first[c] : x[source(p, n, t) + c];
      y[(n * p.tokens + t) * p.channels + c] = positions[t * p.channels + c] + from;
    });
  }
  /// dfirst, dpositions and dx may be null.
  static void backward(const tokens_problem& p, const T* dy, T* dfirst, T* dpositions, T* dx) {
    for_each(p, [&](index_t n, index_t t, index_t c) {
      const T g = dy[(n * p.tokens + t) * p.channels + c];
      if (dpositions != nullptr) dpositions[t * p.channels + c] += g;
      if (begins(p, t)) {
        if (dfirst != nullptr) dfirst[c] += g;
      } else if (dx != nullptr) {
        dx[source(p, n, t) + c] = g;
      }
    });
  }
  static void take(const tokens_problem& p, index_t token, const T* x, T* y) {
    for (index_t n = 0; n < p.samples; ++n)
      std::copy_n(x + (n * p.tokens + token) * p.channels, p.channels, y + n * p.channels);
  }
  static void put(const tokens_problem& p, index_t token, const T* dy, T* dx) {
    std::fill_n(dx, p.samples * p.tokens * p.channels, T(0));
    for (index_t n = 0; n < p.samples; ++n)
      std::copy_n(dy + n * p.channels, p.channels, dx + (n * p.tokens + token) * p.channels);
  }

 private:
  static bool begins(const tokens_problem& p, index_t t) { return p.class_token && t == 0; }
  static index_t source(const tokens_problem& p, index_t n, index_t t) {
    return (n * p.inputs() + t - (p.tokens - p.inputs())) * p.channels;
  }
  template <class F>
  static void for_each(const tokens_problem& p, const F& f) {
    for (index_t n = 0; n < p.samples; ++n)
      for (index_t t = 0; t < p.tokens; ++t)
        for (index_t c = 0; c < p.channels; ++c) f(n, t, c);
  }
};

}  // namespace spankey
