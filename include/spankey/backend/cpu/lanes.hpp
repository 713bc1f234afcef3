// What element-wise kernel texts share: loads and stores that end inside a vector, and the cut into tasks.
//
// load_lanes(p, n) and store_lanes(p, n, v) touch min(n, SPANKEY_LANES) elements, so one loop serves any length:
//   for (index_t i = 0; i < count; i += SPANKEY_LANES) store_lanes(y + i, count - i, load_lanes(x + i, count - i));
// ask_to_read(p) and ask_to_write(p) fetch what such a loop will come to, and cost nothing where it is there already.
// p points to floats or to bf16, which is widened when loaded and rounded to nearest even when stored.
// Tasks hold block_elements elements whatever the number of threads.
#pragma once

#include <algorithm>
#include <cstdint>

#include "spankey/backend/cpu/parallel.hpp"
#include "spankey/core/bf16.hpp"
#include "spankey/core/shape.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define SPANKEY_ISA_TEXT "spankey/backend/cpu/lanes.inl"
#include "spankey/backend/cpu/foreach_isa.hpp"

namespace spankey::cpu {

/// Elements of one task: at most 64 KB of each operand, so that a second look finds it in the second-level cache.
inline constexpr index_t block_elements = 16384;

/// Pieces of at most `size` that cover `count`.
constexpr index_t pieces(index_t count, index_t size) { return (count + size - 1) / size; }

/// Runs f(first, count) in parallel over [0, total) in blocks of `block`.
template <class F>
void for_each_block(index_t total, index_t block, const F& f) {
  parallel_for(pieces(total, block), [&](index_t task) {
    const index_t first = task * block;
    f(first, std::min(block, total - first));
  });
}

}  // namespace spankey::cpu
