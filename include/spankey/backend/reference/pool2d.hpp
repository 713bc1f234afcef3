// Pooling, reference.
//   max 2x2, stride 2 (odd last rows and columns are dropped): y = max of four, dx = dy at the first maximum
//   in row-major order (PyTorch's choice), 0 elsewhere mean over all of H x W: y(n,c) = mean x(n,:,:,c), dx =
//   dy / (H W)
#pragma once

#include <algorithm>

#include "spankey/backend/reference/tag.hpp"

namespace spankey {

template <class T>
struct pool2d_kernels<backend::reference, T> {
  static void max_forward(index_t samples, const extents& in, const T* x, T* y) {
    for_each_window(
        samples, in,
        [&](const T* window, index_t c, index_t out) { y[out] = window[first_maximum(in, window, c)]; }, x);
  }
  /// dx = gradient routed to the first maximum of each window.
  static void max_backward(index_t samples, const extents& in, const T* x, const T* dy, T* dx) {
    std::fill(dx, dx + samples * in.size(), T(0));
    for_each_window(
        samples, in,
        [&](const T* window, index_t c, index_t out) {
          dx[(window - x) + first_maximum(in, window, c)] = dy[out];
        },
        x);
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
  // Offset from `window` of the first largest (or first NaN) of its four elements.
  static index_t first_maximum(const extents& in, const T* window, index_t c) {
    const index_t row = in.width * in.channels;
    index_t best = c;
    for (const index_t at : {c + in.channels, c + row, c + row + in.channels})
      if (window[at] > window[best] || window[at] != window[at]) best = at;
    return best;
  }
  // f(top left pixel of the window, channel, output index)
  template <class F>
  static void for_each_window(index_t samples, const extents& in, F&& f, const T* x) {
    const index_t oh = in.height / 2, ow = in.width / 2;
    for (index_t n = 0; n < samples; ++n)
      for (index_t h = 0; h < oh; ++h)
        for (index_t w = 0; w < ow; ++w)
          for (index_t c = 0; c < in.channels; ++c)
            f(x + ((n * in.height + 2 * h) * in.width + 2 * w) * in.channels, c,
              ((n * oh + h) * ow + w) * in.channels + c);
  }
};

}  // namespace spankey
