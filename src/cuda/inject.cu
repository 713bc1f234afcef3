// Injection: one thread an element, or 16 bytes of them where the shapes allow it.
#include "launch.cuh"
#include "spankey/backend/cuda/kernels.hpp"

namespace spankey::cuda {

namespace {

__device__ inline index_t thread_index() {
  return static_cast<index_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}

template <class T>
__global__ void scale_kernel(index_t count, const float* factor, T* y) {
  const index_t i = thread_index();
  if (i < count) y[i] = from_float<T>(to_float(y[i]) * factor[i]);
}

// y = a x + b of one key element, and dy/dk = slope * (x or 1).
struct key_effect {
  float factor, shift, slope;
};
__device__ inline key_effect effect_of(const injection_policy& p, float k) {
  if (p.formula == injection_formula::add) return {1, p.gamma * k, p.gamma};
  if (p.formula == injection_formula::none) return {1, 0, 0};
  const float t = tanhf(k), m = 1 + p.gamma * t;
  const bool inside = m >= p.lowest && m <= p.highest;
  return {m < p.lowest ? p.lowest : m > p.highest ? p.highest : m, 0, inside ? p.gamma * (1 - t * t) : 0};
}

// A thread serves V columns of `rows` samples: a shared key is looked at once for all of them.
template <class T, int V>
__global__ void inject_forward_kernel(injection_policy p, index_t samples, index_t d, index_t rows,
                                      const T* x, const float* keys, index_t stride, T* y) {
  const index_t column = thread_index() * V;
  if (column >= d) return;
  const index_t first = static_cast<index_t>(blockIdx.y) * rows;
  const index_t last = first + rows < samples ? first + rows : samples;
  key_effect e[V] = {};
  for (index_t n = first; n < last; ++n) {
    if (n == first || stride != 0)
      for (int j = 0; j < V; ++j) e[j] = effect_of(p, keys[n * stride + column + j]);
    float v[V];
    load<V>(x + n * d + column, v);
    for (int j = 0; j < V; ++j) v[j] = v[j] * e[j].factor + e[j].shift;
    store<V>(v, y + n * d + column);
  }
}

template <class T, int V>
__global__ void inject_backward_kernel(injection_policy p, index_t samples, index_t d, index_t rows,
                                       const T* x, const float* keys, index_t stride, const T* dy, T* dx,
                                       float* dkey) {
  const index_t column = thread_index() * V;
  if (column >= d) return;
  const index_t first = static_cast<index_t>(blockIdx.y) * rows;
  const index_t last = first + rows < samples ? first + rows : samples;
  key_effect e[V] = {};
  for (index_t n = first; n < last; ++n) {
    if (n == first || stride != 0)
      for (int j = 0; j < V; ++j) e[j] = effect_of(p, keys[n * stride + column + j]);
    const index_t at = n * d + column;
    float g[V], v[V];
    load<V>(dy + at, g);
    if (dkey != nullptr) {
      load<V>(x + at, v);
      for (int j = 0; j < V; ++j)
        dkey[at + j] = g[j] * (p.formula == injection_formula::multiply ? v[j] * e[j].slope : e[j].slope);
    }
    for (int j = 0; j < V; ++j) g[j] *= e[j].factor;
    store<V>(g, dx + at);
  }
}

// One number of the key acts on several elements: a thread an element, and for the key's gradient one a number.
template <class T>
__global__ void inject_shared_forward_kernel(injection_policy p, index_t count, site_geometry site,
                                             const T* x, const float* keys, index_t stride, T* y) {
  const index_t at = thread_index();
  if (at >= count) return;
  const key_effect e = effect_of(p, keys[at / site.size() * stride + site.key_of(at % site.size())]);
  y[at] = from_float<T>(to_float(x[at]) * e.factor + e.shift);
}
template <class T>
__global__ void inject_shared_backward_kernel(injection_policy p, index_t count, site_geometry site,
                                              const float* keys, index_t stride, const T* dy, T* dx) {
  const index_t at = thread_index();
  if (at >= count) return;
  const key_effect e = effect_of(p, keys[at / site.size() * stride + site.key_of(at % site.size())]);
  dx[at] = from_float<T>(to_float(dy[at]) * e.factor);
}
template <class T>
__global__ void inject_shared_key_kernel(injection_policy p, index_t count, site_geometry site, const T* x,
                                         const float* keys, index_t stride, const T* dy, float* dkey) {
  const index_t at = thread_index();
  if (at >= count) return;
  const index_t n = at / site.key_size(), k = at % site.key_size();
  const bool channel = site.key == key_shape::channel;
  const index_t first = n * site.size() + (channel ? k : k * site.channels),
                step = channel ? site.channels : 1, terms = channel ? site.positions : site.channels;
  const key_effect e = effect_of(p, keys[n * stride + k]);
  float sum = 0;
  for (index_t i = first; i < first + terms * step; i += step)
    sum += to_float(dy[i]) * (p.formula == injection_formula::multiply ? to_float(x[i]) : 1.0F);
  dkey[at] = sum * e.slope;
}

// Samples that one thread serves.
constexpr index_t shared_rows = 16;
index_t rows_of(index_t stride) { return stride == 0 ? shared_rows : 1; }

}  // namespace

template <class T>
void scale(index_t count, const float* factor, T* y) {
  launch("scale", scale_kernel<T>, pieces(count, block_threads), block_threads, count, factor, y);
}

template <class T>
void inject_forward(const injection_policy& policy, index_t samples, const site_geometry& site, const T* x,
                    key_view<const float> keys, T* y) {
  const index_t d = site.size();
  if (site.key != key_shape::element) {
    launch("inject_shared_forward", inject_shared_forward_kernel<T>, pieces(samples * d, block_threads),
           block_threads, policy, samples * d, site, x, keys.data, keys.stride, y);
    return;
  }
  const index_t rows = rows_of(keys.stride);
  with_packs<T>(d, aligned(x) && aligned(y), [&](auto v) {
    launch("inject_forward", inject_forward_kernel<T, v()>,
           dim3(pieces(d, block_threads * v()), pieces(samples, rows)), block_threads, policy, samples, d,
           rows, x, keys.data, keys.stride, y);
  });
}
template <class T>
void inject_backward(const injection_policy& policy, index_t samples, const site_geometry& site, const T* x,
                     key_view<const float> keys, const T* dy, T* dx, float* dkey) {
  const index_t d = site.size();
  if (site.key != key_shape::element) {
    // Before dx, which may overwrite dy.
    const index_t numbers = samples * site.key_size();
    if (dkey != nullptr)
      launch("inject_shared_key", inject_shared_key_kernel<T>, pieces(numbers, block_threads), block_threads,
             policy, numbers, site, x, keys.data, keys.stride, dy, dkey);
    launch("inject_shared_backward", inject_shared_backward_kernel<T>, pieces(samples * d, block_threads),
           block_threads, policy, samples * d, site, keys.data, keys.stride, dy, dx);
    return;
  }
  const index_t rows = rows_of(keys.stride);
  with_packs<T>(d, aligned(x) && aligned(dy) && aligned(dx), [&](auto v) {
    launch("inject_backward", inject_backward_kernel<T, v()>,
           dim3(pieces(d, block_threads * v()), pieces(samples, rows)), block_threads, policy, samples, d,
           rows, x, keys.data, keys.stride, dy, dx, dkey);
  });
}

#define SPANKEY_INSTANTIATE(T)                                                                       \
  template void scale<T>(index_t, const float*, T*);                                                 \
  template void inject_forward<T>(const injection_policy&, index_t, const site_geometry&, const T*,  \
                                  key_view<const float>, T*);                                        \
  template void inject_backward<T>(const injection_policy&, index_t, const site_geometry&, const T*, \
                                   key_view<const float>, const T*, T*, float*)
SPANKEY_INSTANTIATE(float);
SPANKEY_INSTANTIATE(bf16);
#undef SPANKEY_INSTANTIATE

}  // namespace spankey::cuda
