// What every .cu file stands on: status checks, launches, and elements in registers.
//
// The kernels are plain C++17: no warp instructions, no atomics, no dynamic shared memory, so that the tests can run the
// very same texts on a processor (tests/backend/cuda/emulation): there cuda_runtime.h is the emulation's.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <type_traits>

#include "spankey/backend/cuda/device.hpp"
#include "spankey/core/bf16.hpp"
#include "spankey/core/shape.hpp"

#if defined(__CUDACC__)
#include <cuda_bf16.h>
#endif

namespace spankey::cuda {

/// Fails with cuda.102 and the name of the call.
void check(cudaError_t status, const char* call);
cudaStream_t stream();
/// Memory that one call of a library, or one chain of launches, may use until the next one begins.
inline constexpr std::size_t workspace_bytes = std::size_t{256} << 20;
std::byte* workspace();

/// Whether the threads of a block wait for one another (__syncthreads).
enum class threads { apart, together };

template <threads How = threads::apart, class... P, class... A>
void launch(const char* name, void (*kernel)(P...), dim3 grid, dim3 block, const A&... operands) {
  if (grid.x == 0 || grid.y == 0 || grid.z == 0) return;
#if defined(__CUDACC__)
  kernel<<<grid, block, 0, stream()>>>(static_cast<P>(operands)...);
  check(cudaGetLastError(), name);
#else
  check(emulation::launch(How == threads::together, kernel, grid, block, static_cast<P>(operands)...), name);
#endif
}

/// Blocks that cover `count` things, `each` a block.
inline unsigned pieces(index_t count, index_t each) {
  return static_cast<unsigned>((count + each - 1) / each);
}

inline constexpr int block_threads = 256;

// ---- elements

__device__ inline float to_float(float v) { return v; }
__device__ inline float to_float(bf16 v) {
#if defined(__CUDACC__)
  return __uint_as_float(static_cast<unsigned>(v.bits) << 16);
#else
  return v;
#endif
}

template <class T>
__device__ inline T from_float(float v) {
  return v;
}
template <>
__device__ inline bf16 from_float<bf16>(float v) {
#if defined(__CUDACC__)
  bf16 stored;
  stored.bits = __bfloat16_as_ushort(__float2bfloat16_rn(v));
  return stored;
#else
  return bf16(v);
#endif
}

/// V neighbours, loaded and stored at once.
template <class T, int V>
struct alignas(sizeof(T) * V) pack {
  T v[V];
};
/// Elements of 16 bytes.
template <class T>
inline constexpr int pack_width = 16 / static_cast<int>(sizeof(T));

template <int V, class T>
__device__ inline void load(const T* from, float* to) {
  const pack<T, V> p = *reinterpret_cast<const pack<T, V>*>(from);
  for (int i = 0; i < V; ++i) to[i] = to_float(p.v[i]);
}
template <int V, class T>
__device__ inline void store(const float* from, T* to) {
  pack<T, V> p;
  for (int i = 0; i < V; ++i) p.v[i] = from_float<T>(from[i]);
  *reinterpret_cast<pack<T, V>*>(to) = p;
}

inline bool aligned(const void* p) { return reinterpret_cast<std::uintptr_t>(p) % 16 == 0; }

/// Calls f(pack width) with whole packs where `count` and the pointers (`whole`) allow them.
template <class T, class F>
void with_packs(index_t count, bool whole, const F& f) {
  constexpr int wide = pack_width<T>;
  if (whole && count % wide == 0) {
    f(std::integral_constant<int, wide>());
  } else {
    f(std::integral_constant<int, 1>());
  }
}

}  // namespace spankey::cuda
