// The micro-kernel of the convolution on AMX tiles (amx.hpp), for products and for weight gradients alike:
//   sums(m, n) = or += sum over a walk's steps and 16 words k of a(m, k) b(k, n)     m: 32 rows, n: 32 columns (or 16)
//
// One step is 32 rows x 16 words of two bf16 of a, which lie together, 2 KB, and 16 rows of b, b_width words apart:
// its first 32 words are four tiles' product with a. Neither operand's rows share cache sets. Sums stay in tiles for
// the whole walk.
#pragma once

#include <cstdint>

#include "spankey/backend/cpu/amx.hpp"
#include "spankey/core/shape.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace spankey::cpu {

/// Rows of a (two tiles), words of a row, and words of one step's a.
inline constexpr index_t amx_rows = 32, amx_words = 16, amx_step_words = amx_rows * amx_words;

/// Steps of one product, in words: rows x columns places, `steps` (1 or more) at each. From step to step a moves by
/// amx_step_words and b by 16 rows, but a place's last step finds its b at b_last.
struct amx_walk {
  index_t rows, columns, steps;
  index_t a_row, a_column;  // from one place to the next
  index_t b_row, b_column;
  index_t b_width, b_last;
};

}  // namespace spankey::cpu

// The intrinsics of g++ 12 do not say that they read memory: fences keep stores on their side of a kernel.
#define TILE_FENCE() asm volatile("" ::: "memory")

#if defined(__x86_64__)
#if defined(__clang__)
#pragma clang attribute push(                                                                            \
    __attribute__((target("amx-tile,amx-bf16,avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma"))), \
    apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("amx-tile,amx-bf16,avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma")
#endif
#define TILE_CONFIGURE(c) _tile_loadconfig(c)
#define TILE_RELEASE() _tile_release()
#define TILE_ZERO(t) _tile_zero(t)
#define TILE_LOAD(t, from, step) _tile_loadd(t, from, step)
#define TILE_STORE(t, to, step) _tile_stored(t, to, step)
#define TILE_MULTIPLY(c, a, b) _tile_dpbf16ps(c, a, b)
namespace spankey::cpu::amx_processor {
#include "spankey/backend/cpu/conv2d_amx_tile.inl"
}
#undef TILE_CONFIGURE
#undef TILE_RELEASE
#undef TILE_ZERO
#undef TILE_LOAD
#undef TILE_STORE
#undef TILE_MULTIPLY
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif

#define TILE_CONFIGURE(c) this_threads_tiles().configure(*(c))
#define TILE_RELEASE() this_threads_tiles().release()
#define TILE_ZERO(t) this_threads_tiles().zero(t)
#define TILE_LOAD(t, from, step) this_threads_tiles().load(t, from, step)
#define TILE_STORE(t, to, step) this_threads_tiles().store(t, to, step)
#define TILE_MULTIPLY(c, a, b) this_threads_tiles().multiply(c, a, b)
namespace spankey::cpu::amx_emulation_kernels {
#include "spankey/backend/cpu/conv2d_amx_tile.inl"
}
#undef TILE_CONFIGURE
#undef TILE_RELEASE
#undef TILE_ZERO
#undef TILE_LOAD
#undef TILE_STORE
#undef TILE_MULTIPLY
#undef TILE_FENCE

namespace spankey::cpu {

/// The kernels of one kind of tiles.
struct amx_kernels {
  using product = void (*)(const amx_walk&, const std::uint32_t* a, const std::uint32_t* b, bool fresh,
                           float* sums, index_t sums_width);
  void (*begin)();
  void (*end)();
  product wide, narrow;  // 32 columns, 16 columns; `fresh`: =, else +=
};

/// Of the tiles that active_amx() names (not none).
inline amx_kernels active_amx_kernels() {
#if defined(__x86_64__)
  if (active_amx() == amx_unit::processor) {
    using namespace amx_processor;
    return {&amx_begin, &amx_end, &amx_multiply_wide, &amx_multiply_narrow};
  }
#endif
  using namespace amx_emulation_kernels;
  return {&amx_begin, &amx_end, &amx_multiply_wide, &amx_multiply_narrow};
}

/// Tiles of this thread, ready for use while it lives.
class amx_session {
 public:
  explicit amx_session(const amx_kernels& kernels) : end_(kernels.end) { kernels.begin(); }
  ~amx_session() { end_(); }
  amx_session(const amx_session&) = delete;
  amx_session& operator=(const amx_session&) = delete;

 private:
  void (*end_)();
};

}  // namespace spankey::cpu
