// Pooling: one thread an element.
#include "launch.cuh"
#include "spankey/backend/cuda/kernels.hpp"

namespace spankey::cuda {

namespace {

__device__ inline index_t thread_index() {
  return static_cast<index_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}

// Offset from `window` of the first largest (or first NaN) of its four elements.
template <class T>
__device__ index_t first_maximum(const T* window, index_t row, index_t channels) {
  const index_t offsets[4] = {0, channels, row, row + channels};
  index_t best = 0;
  float top = to_float(window[0]);
  for (int i = 1; i < 4; ++i) {
    const float v = to_float(window[offsets[i]]);
    if (v > top || v != v) {
      top = v;
      best = offsets[i];
    }
  }
  return best;
}

template <class T>
__global__ void halving_pool_forward_kernel(index_t count, index_t height, index_t width, index_t channels,
                                            const T* x, T* y) {
  const index_t i = thread_index();
  if (i >= count) return;
  const index_t oh = height / 2, ow = width / 2;
  const index_t c = i % channels, w = i / channels % ow, h = i / (channels * ow) % oh,
                n = i / (channels * ow * oh);
  const T* const window = x + ((n * height + 2 * h) * width + 2 * w) * channels + c;
  y[i] = window[first_maximum(window, width * channels, channels)];
}

// One thread an element of dx: dropped rows and columns get their 0 here, too.
template <class T>
__global__ void halving_pool_backward_kernel(index_t count, index_t height, index_t width, index_t channels,
                                             const T* x, const T* dy, T* dx) {
  const index_t i = thread_index();
  if (i >= count) return;
  const index_t oh = height / 2, ow = width / 2;
  const index_t c = i % channels, w = i / channels % width, h = i / (channels * width) % height,
                n = i / (channels * width * height);
  float g = 0;
  if (h / 2 < oh && w / 2 < ow) {
    const index_t corner = ((n * height + h / 2 * 2) * width + w / 2 * 2) * channels + c;
    if (corner + first_maximum(x + corner, width * channels, channels) == i)
      g = to_float(dy[((n * oh + h / 2) * ow + w / 2) * channels + c]);
  }
  dx[i] = from_float<T>(g);
}

// The element of x that is the maximum of window (oh, ow) of channel c: the first largest or the last NaN; -1 where the
// window holds nothing.
template <class T>
__device__ index_t maximum_of(const pool2d_problem& p, const T* x, index_t n, index_t oh, index_t ow,
                              index_t c) {
  const pool2d_problem::range rows = p.places_of(oh, p.in.height), columns = p.places_of(ow, p.in.width);
  index_t best = -1;
  float top = 0;
  for (index_t h = rows.begin; h < rows.end; ++h)
    for (index_t w = columns.begin; w < columns.end; ++w) {
      const index_t at = ((n * p.in.height + h) * p.in.width + w) * p.in.channels + c;
      const float v = to_float(x[at]);
      if (best < 0 || v > top || v != v) {
        top = v;
        best = at;
      }
    }
  return best;
}

template <class T>
__global__ void max_pool_forward_kernel(pool2d_problem p, index_t count, const T* x, T* y) {
  const index_t i = thread_index();
  if (i >= count) return;
  const index_t c = i % p.out.channels, ow = i / p.out.channels % p.out.width,
                oh = i / (p.out.channels * p.out.width) % p.out.height,
                n = i / (p.out.channels * p.out.width * p.out.height);
  const index_t at = maximum_of(p, x, n, oh, ow, c);
  y[i] = at < 0 ? from_float<T>(-INFINITY) : x[at];
}

// One thread an element of dx, which looks at every window that holds it: sums have one order.
template <class T>
__global__ void max_pool_backward_kernel(pool2d_problem p, index_t count, const T* x, const T* dy, T* dx) {
  const index_t i = thread_index();
  if (i >= count) return;
  const index_t c = i % p.in.channels, w = i / p.in.channels % p.in.width,
                h = i / (p.in.channels * p.in.width) % p.in.height,
                n = i / (p.in.channels * p.in.width * p.in.height);
  const pool2d_problem::range rows = p.windows_at(h, p.out.height), columns = p.windows_at(w, p.out.width);
  float sum = 0;
  for (index_t oh = rows.begin; oh < rows.end; ++oh)
    for (index_t ow = columns.begin; ow < columns.end; ++ow)
      if (maximum_of(p, x, n, oh, ow, c) == i)
        sum += to_float(dy[((n * p.out.height + oh) * p.out.width + ow) * p.out.channels + c]);
  dx[i] = from_float<T>(sum);
}

template <class T>
__global__ void mean_pool_forward_kernel(index_t count, index_t pixels, index_t channels, const T* x, T* y) {
  const index_t i = thread_index();
  if (i >= count) return;
  const T* const first = x + i / channels * pixels * channels + i % channels;
  float sum = 0;
  for (index_t p = 0; p < pixels; ++p) sum += to_float(first[p * channels]);
  y[i] = from_float<T>(sum / static_cast<float>(pixels));
}

template <class T>
__global__ void mean_pool_backward_kernel(index_t count, index_t pixels, index_t channels, const T* dy,
                                          T* dx) {
  const index_t i = thread_index();
  if (i >= count) return;
  const float g = to_float(dy[i / (pixels * channels) * channels + i % channels]);
  dx[i] = from_float<T>(g / static_cast<float>(pixels));
}

}  // namespace

template <class T>
void max_pool_forward(const pool2d_problem& p, const T* x, T* y) {
  const index_t count = p.samples * p.out.size();
  if (p.halves()) {
    launch("halving_pool_forward", halving_pool_forward_kernel<T>, pieces(count, block_threads),
           block_threads, count, p.in.height, p.in.width, p.in.channels, x, y);
  } else {
    launch("max_pool_forward", max_pool_forward_kernel<T>, pieces(count, block_threads), block_threads, p,
           count, x, y);
  }
}
template <class T>
void max_pool_backward(const pool2d_problem& p, const T* x, const T* dy, T* dx) {
  const index_t count = p.samples * p.in.size();
  if (p.halves()) {
    launch("halving_pool_backward", halving_pool_backward_kernel<T>, pieces(count, block_threads),
           block_threads, count, p.in.height, p.in.width, p.in.channels, x, dy, dx);
  } else {
    launch("max_pool_backward", max_pool_backward_kernel<T>, pieces(count, block_threads), block_threads, p,
           count, x, dy, dx);
  }
}
template <class T>
void mean_pool_forward(index_t samples, const extents& in, const T* x, T* y) {
  const index_t count = samples * in.channels;
  launch("mean_pool_forward", mean_pool_forward_kernel<T>, pieces(count, block_threads), block_threads, count,
         in.height * in.width, in.channels, x, y);
}
template <class T>
void mean_pool_backward(index_t samples, const extents& in, const T* dy, T* dx) {
  const index_t count = samples * in.size();
  launch("mean_pool_backward", mean_pool_backward_kernel<T>, pieces(count, block_threads), block_threads,
         count, in.height * in.width, in.channels, dy, dx);
}

#define SPANKEY_INSTANTIATE(T)                                                       \
  template void max_pool_forward<T>(const pool2d_problem&, const T*, T*);            \
  template void max_pool_backward<T>(const pool2d_problem&, const T*, const T*, T*); \
  template void mean_pool_forward<T>(index_t, const extents&, const T*, T*);         \
  template void mean_pool_backward<T>(index_t, const extents&, const T*, T*)
SPANKEY_INSTANTIATE(float);
SPANKEY_INSTANTIATE(bf16);
#undef SPANKEY_INSTANTIATE

}  // namespace spankey::cuda
