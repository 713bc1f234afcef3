// Rotary positions: one thread a pair of channels, or a channel that passes. Formulas: backend/reference/rotary.hpp. Angles are
// doubles: a float has no digits left behind the comma of a late position's.
#include "launch.cuh"
#include "spankey/backend/cuda/kernels.hpp"

namespace spankey::cuda {

namespace {

template <class T>
__global__ void rotary_kernel(rotary_problem p, float way, const T* x, T* y) {
  const index_t half = p.size / 2, pairs = p.heads * half, threads = p.channels - pairs;
  const index_t thread = static_cast<index_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  const index_t row = thread / threads, at = thread % threads;
  if (row >= p.samples * p.tokens) return;
  const T* const from = x + row * p.channels;
  T* const to = y + row * p.channels;
  if (at >= pairs) {
    to[at + pairs] = from[at + pairs];
    return;
  }
  const index_t i = at % half, low = at / half * p.size + i;
  const double turn = pow(p.theta, -2.0 * static_cast<double>(i) / static_cast<double>(p.size));
  const double angle = static_cast<double>(p.first + row % p.tokens) * turn;
  const float cosine = static_cast<float>(cos(angle)), sine = way * static_cast<float>(sin(angle));
  const float a = to_float(from[low]), b = to_float(from[low + half]);
  to[low] = from_float<T>(a * cosine - b * sine);
  to[low + half] = from_float<T>(b * cosine + a * sine);
}

}  // namespace

template <class T>
void rotary(const rotary_problem& p, bool back, const T* x, T* y) {
  const index_t threads = p.samples * p.tokens * (p.channels - p.heads * (p.size / 2));
  launch("rotary", rotary_kernel<T>, pieces(threads, block_threads), block_threads, p, back ? -1.0F : 1.0F, x,
         y);
}

#define SPANKEY_INSTANTIATE(T) template void rotary<T>(const rotary_problem&, bool, const T*, T*)
SPANKEY_INSTANTIATE(float);
SPANKEY_INSTANTIATE(bf16);
#undef SPANKEY_INSTANTIATE

}  // namespace spankey::cuda
