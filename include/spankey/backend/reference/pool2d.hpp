// Pooling, reference.
//   max, of every window: y = the largest, or a NaN that is among them; -infinity where the window is all padding
//     dx = sum of dy of the windows whose first maximum (or last NaN) in row-major order it is, as in PyTorch
//   mean over all of H x W: y(n,c) = mean x(n,:,:,c), dx = dy / (H W)
// Everything overwrites.
#pragma once

#include <algorithm>
#include <limits>

#include "spankey/backend/reference/tag.hpp"

namespace spankey {

template <class T>
struct pool2d_kernels<backend::reference, T> {
  static void max_forward(const pool2d_problem& p, const T* x, T* y) {
    for_each_window(p, x, [&](index_t at, index_t out) {
      y[out] = at < 0 ? -std::numeric_limits<T>::infinity() : x[at];
    });
  }
  static void max_backward(const pool2d_problem& p, const T* x, const T* dy, T* dx) {
    std::fill(dx, dx + p.samples * p.in.size(), T(0));
    for_each_window(p, x, [&](index_t at, index_t out) {
      if (at >= 0) dx[at] += dy[out];
    });
  }
  static void mean_forward(index_t samples, const extents& in, const T* x, T* y) {
    const index_t pixels = in.height * in.width;
    for (index_t n = 0; n < samples; ++n)
      for (index_t c = 0; c < in.channels; ++c) {
        T sum = 0;
        for (index_t i = 0; i < pixels; ++i) sum += x[(n * pixels + i) * in.channels + c];
        y[n * in.channels + c] = sum / static_cast<T>(pixels);
      }
  }
  static void mean_backward(index_t samples, const extents& in, const T* dy, T* dx) {
    const index_t pixels = in.height * in.width;
    for (index_t n = 0; n < samples; ++n)
      for (index_t i = 0; i < pixels; ++i)
        for (index_t c = 0; c < in.channels; ++c)
          dx[(n * pixels + i) * in.channels + c] = dy[n * in.channels + c] / static_cast<T>(pixels);
  }

 private:
  // f(element of x that is the window's maximum, or -1, element of y)
  template <class F>
  static void for_each_window(const pool2d_problem& p, const T* x, F&& f) {
    for (index_t n = 0; n < p.samples; ++n)
      for (index_t oh = 0; oh < p.out.height; ++oh)
        for (index_t ow = 0; ow < p.out.width; ++ow)
          for (index_t c = 0; c < p.out.channels; ++c)
            f(maximum(p, x, n, oh, ow, c), ((n * p.out.height + oh) * p.out.width + ow) * p.out.channels + c);
  }
  static index_t maximum(const pool2d_problem& p, const T* x, index_t n, index_t oh, index_t ow, index_t c) {
    const pool2d_problem::range rows = p.places_of(oh, p.in.height), columns = p.places_of(ow, p.in.width);
    index_t best = -1;
    for (index_t h = rows.begin; h < rows.end; ++h)
      for (index_t w = columns.begin; w < columns.end; ++w) {
        const index_t at = ((n * p.in.height + h) * p.in.width + w) * p.in.channels + c;
        if (best < 0 || x[at] > x[best] || x[at] != x[at]) best = at;
      }
    return best;
  }
};

}  // namespace spankey
