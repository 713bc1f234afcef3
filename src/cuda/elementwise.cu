// Sums and dropout: one thread an element, or 16 bytes of them where the shapes allow it.
#include "launch.cuh"
#include "spankey/backend/cuda/kernels.hpp"
#include "spankey/core/random.hpp"

namespace spankey::cuda {

namespace {

template <class T, int V>
__global__ void sum_kernel(index_t count, const T* a, const T* b, T* y) {
  const index_t i = (static_cast<index_t>(blockIdx.x) * blockDim.x + threadIdx.x) * V;
  if (i >= count) return;
  float v[V], w[V];
  load<V>(a + i, v);
  load<V>(b + i, w);
  for (int j = 0; j < V; ++j) v[j] += w[j];
  store<V>(v, y + i);
}

template <class T>
__global__ void copy_columns_kernel(index_t rows, index_t columns, const T* from, index_t from_step, T* to,
                                    index_t to_step) {
  const index_t i = static_cast<index_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < rows * columns)
    to[i / columns * to_step + i % columns] = from[i / columns * from_step + i % columns];
}

// A thread has one Philox block of numbers: up to four elements.
template <class T>
__global__ void dropout_kernel(dropout_problem p, index_t count, float scale, const step_values* now,
                               const T* x, T* y) {
  const index_t thread = static_cast<index_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  const index_t skipped = static_cast<index_t>(p.first & 3), begin = thread * 4 - skipped;
  if (begin >= count) return;
  const random_source random(p.seed, spankey::stream::dropout, now != nullptr ? now->random_step : p.step);
  const auto number = random.block((p.first >> 2) + static_cast<std::uint64_t>(thread));
  for (index_t i = begin < 0 ? 0 : begin; i < begin + 4 && i < count; ++i) {
    const bool dropped = number[static_cast<std::size_t>(i - begin)] < p.threshold();
    y[i] = from_float<T>(dropped ? 0.0F : to_float(x[i]) * scale);
  }
}

}  // namespace

template <class T>
void sum(index_t count, const T* a, const T* b, T* y) {
  with_packs<T>(count, aligned(a) && aligned(b) && aligned(y), [&](auto v) {
    launch("sum", sum_kernel<T, v()>, pieces(count, block_threads * v()), block_threads, count, a, b, y);
  });
}

template <class T>
void copy_columns(index_t rows, index_t columns, const T* from, index_t from_step, T* to, index_t to_step) {
  launch("copy_columns", copy_columns_kernel<T>, pieces(rows * columns, block_threads), block_threads, rows,
         columns, from, from_step, to, to_step);
}

template <class T>
void dropout(const dropout_problem& p, index_t count, const T* x, T* y) {
  const index_t blocks = (count + static_cast<index_t>(p.first & 3) + 3) / 4;
  launch("dropout", dropout_kernel<T>, pieces(blocks, block_threads), block_threads, p, count,
         static_cast<float>(p.scale()), values_in_memory(), x, y);
}

#define SPANKEY_INSTANTIATE(T)                                                     \
  template void sum<T>(index_t, const T*, const T*, T*);                           \
  template void copy_columns<T>(index_t, index_t, const T*, index_t, T*, index_t); \
  template void dropout<T>(const dropout_problem&, index_t, const T*, T*)
SPANKEY_INSTANTIATE(float);
SPANKEY_INSTANTIATE(bf16);
#undef SPANKEY_INSTANTIATE

}  // namespace spankey::cuda
