// Tokens and their positions: one thread an element, of a gradient of positions one a sum over all samples in order.
#include "launch.cuh"
#include "spankey/backend/cuda/kernels.hpp"

namespace spankey::cuda {

namespace {

__device__ inline index_t thread_index() {
  return static_cast<index_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}

// An element of (N, T, C).
struct place {
  index_t n, t, c;
};
__device__ inline place place_of(const tokens_problem& p, index_t i) {
  return {i / p.channels / p.tokens, i / p.channels % p.tokens, i % p.channels};
}

template <class T>
__global__ void forward_kernel(tokens_problem p, index_t count, const T* x, const float* first,
                               const float* positions, T* y) {
  const index_t i = thread_index();
  if (i >= count) return;
  const place at = place_of(p, i);
  const index_t begin = p.class_token ? 1 : 0;
  const float from = at.t < begin
                         ? first[at.c]
                         : to_float(x[(at.n * (p.tokens - begin) + at.t - begin) * p.channels + at.c]);
  y[i] = from_float<T>(from + positions[at.t * p.channels + at.c]);
}

template <class T>
__global__ void position_gradient_kernel(tokens_problem p, const T* dy, float* dfirst, float* dpositions) {
  const index_t i = thread_index(), size = p.tokens * p.channels;
  if (i >= size) return;
  float sum = 0;
  for (index_t n = 0; n < p.samples; ++n) sum += to_float(dy[n * size + i]);
  if (dpositions != nullptr) dpositions[i] += sum;
  if (p.class_token && i < p.channels && dfirst != nullptr) dfirst[i] += sum;
}

template <class T>
__global__ void data_gradient_kernel(tokens_problem p, index_t count, const T* dy, T* dx) {
  const index_t i = thread_index();
  if (i >= count) return;
  const index_t begin = p.class_token ? 1 : 0, row = i / p.channels, inputs = p.tokens - begin;
  dx[i] = dy[(row / inputs * p.tokens + row % inputs + begin) * p.channels + i % p.channels];
}

template <class T>
__global__ void take_kernel(tokens_problem p, index_t count, index_t token, const T* x, T* y) {
  const index_t i = thread_index();
  if (i < count) y[i] = x[(i / p.channels * p.tokens + token) * p.channels + i % p.channels];
}

template <class T>
__global__ void put_kernel(tokens_problem p, index_t count, index_t token, const T* dy, T* dx) {
  const index_t i = thread_index();
  if (i >= count) return;
  const place at = place_of(p, i);
  dx[i] = at.t == token ? dy[at.n * p.channels + at.c] : from_float<T>(0);
}

}  // namespace

template <class T>
void tokens_forward(const tokens_problem& p, const T* x, const float* first, const float* positions, T* y) {
  const index_t count = p.samples * p.tokens * p.channels;
  launch("tokens forward", forward_kernel<T>, pieces(count, block_threads), block_threads, p, count, x, first,
         positions, y);
}

template <class T>
void tokens_backward(const tokens_problem& p, const T* dy, float* dfirst, float* dpositions, T* dx) {
  if (dfirst != nullptr || dpositions != nullptr)
    launch("tokens position_gradient", position_gradient_kernel<T>,
           pieces(p.tokens * p.channels, block_threads), block_threads, p, dy, dfirst, dpositions);
  if (dx == nullptr) return;
  const index_t count = p.samples * p.inputs() * p.channels;
  launch("tokens data_gradient", data_gradient_kernel<T>, pieces(count, block_threads), block_threads, p,
         count, dy, dx);
}

template <class T>
void token_take(const tokens_problem& p, index_t token, const T* x, T* y) {
  const index_t count = p.samples * p.channels;
  launch("token take", take_kernel<T>, pieces(count, block_threads), block_threads, p, count, token, x, y);
}

template <class T>
void token_put(const tokens_problem& p, index_t token, const T* dy, T* dx) {
  const index_t count = p.samples * p.tokens * p.channels;
  launch("token put", put_kernel<T>, pieces(count, block_threads), block_threads, p, count, token, dy, dx);
}

#define SPANKEY_INSTANTIATE(T)                                                                      \
  template void tokens_forward<T>(const tokens_problem&, const T*, const float*, const float*, T*); \
  template void tokens_backward<T>(const tokens_problem&, const T*, float*, float*, T*);            \
  template void token_take<T>(const tokens_problem&, index_t, const T*, T*);                        \
  template void token_put<T>(const tokens_problem&, index_t, const T*, T*)
SPANKEY_INSTANTIATE(float);
SPANKEY_INSTANTIATE(bf16);
#undef SPANKEY_INSTANTIATE

}  // namespace spankey::cuda
