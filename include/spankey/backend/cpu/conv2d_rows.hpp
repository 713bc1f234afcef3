// Rows of channels on their way into and out of the convolution's tiles: sums, conversions, pairs.
//   add_row      to(i) += from(i)              copy_row    to(i) = from(i), rounded where `to` is narrower
//   pair_rows    to(i) = (first(i), second(i)), the word of two bf16
#pragma once

#include <algorithm>
#include <cstdint>

#include "spankey/backend/cpu/lanes.hpp"
#include "spankey/core/bf16.hpp"

#define SPANKEY_ISA_TEXT "spankey/backend/cpu/conv2d_rows.inl"
#include "spankey/backend/cpu/foreach_isa.hpp"

namespace spankey::cpu {

/// Asks for `count` elements that lie `step` behind `row`. Rows that lie far apart are too much for the processor's own
/// prefetching. Nothing need be there.
template <class T>
void ask_for_row(const T* row, index_t step, index_t count) {
  constexpr index_t line = 64 / static_cast<index_t>(sizeof(T));
  const auto at = reinterpret_cast<std::uintptr_t>(row) + static_cast<std::uintptr_t>(step) * sizeof(T);
  for (index_t i = 0; i < count; i += line)
    __builtin_prefetch(reinterpret_cast<const void*>(at + static_cast<std::uintptr_t>(i) * sizeof(T)));
}

}  // namespace spankey::cpu
