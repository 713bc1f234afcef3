// Rows of an embedding's table: one thread an element of them. Of a gradient the first row of a token sums all of that token's,
// in their order, so that no two threads write to one place. The products with the table are in linear.cu.
#include "launch.cuh"
#include "spankey/backend/cuda/kernels.hpp"

namespace spankey::cuda {

namespace {

__device__ inline index_t thread_index() {
  return static_cast<index_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}

template <class T>
__device__ inline index_t token_of(const embedding_problem& p, const T* x, index_t row) {
  const float numbers[2] = {to_float(x[2 * row]), to_float(x[2 * row + 1])};
  return p.token(numbers);
}

template <class T>
__global__ void forward_kernel(embedding_problem p, index_t count, const T* x, const float* table, T* y) {
  const index_t i = thread_index();
  if (i < count) y[i] = from_float<T>(table[token_of(p, x, i / p.channels) * p.channels + i % p.channels]);
}

template <class T>
__global__ void gradient_kernel(embedding_problem p, index_t count, const T* x, const T* dy, float* dtable) {
  const index_t i = thread_index();
  if (i >= count) return;
  const index_t row = i / p.channels, c = i % p.channels, token = token_of(p, x, row);
  for (index_t before = 0; before < row; ++before)
    if (token_of(p, x, before) == token) return;
  float sum = dtable[token * p.channels + c];
  for (index_t r = row; r < p.rows; ++r)
    if (token_of(p, x, r) == token) sum += to_float(dy[r * p.channels + c]);
  dtable[token * p.channels + c] = sum;
}

}  // namespace

template <class T>
void embedding_forward(const embedding_problem& p, const T* x, const float* table, T* y) {
  const index_t count = p.rows * p.channels;
  launch("embedding forward", forward_kernel<T>, pieces(count, block_threads), block_threads, p, count, x,
         table, y);
}

template <class T>
void embedding_backward(const embedding_problem& p, const T* x, const T* dy, float* dtable) {
  const index_t count = p.rows * p.channels;
  launch("embedding gradient", gradient_kernel<T>, pieces(count, block_threads), block_threads, p, count, x,
         dy, dtable);
}

#define SPANKEY_INSTANTIATE(T)                                                              \
  template void embedding_forward<T>(const embedding_problem&, const T*, const float*, T*); \
  template void embedding_backward<T>(const embedding_problem&, const T*, const T*, float*)
SPANKEY_INSTANTIATE(float);
SPANKEY_INSTANTIATE(bf16);
#undef SPANKEY_INSTANTIATE

}  // namespace spankey::cuda
