// Which numbers are numbers, and the arg-max that no NaN or infinity can win.
//
// Every ordinary comparison with a NaN is false: `if (reject > top) refuse` lets it through, and std::max_element answers
// with the first class. Whoever decides about an answer asks here, and the bits are asked, so that no option of a
// compiler and no way of writing a comparison decides instead: a float is a number where its exponent is not all ones.
#pragma once

#include <bit>
#include <cstdint>
#include <type_traits>

#include "spankey/core/bf16.hpp"
#include "spankey/core/host_device.hpp"
#include "spankey/core/shape.hpp"

namespace spankey {

SPANKEY_HOST_DEVICE constexpr bool is_finite(float value) {
  return (std::bit_cast<std::uint32_t>(value) & 0x7F800000U) != 0x7F800000U;
}
SPANKEY_HOST_DEVICE constexpr bool is_finite(double value) {
  return (std::bit_cast<std::uint64_t>(value) & 0x7FF0000000000000U) != 0x7FF0000000000000U;
}
constexpr bool is_finite(bf16 value) { return (value.bits & 0x7F80U) != 0x7F80U; }

/// Whether all of `count` elements are. A session asks it of every input: an AND, an addition and an OR an element.
template <class T>
constexpr bool all_finite(const T* values, index_t count) {
  // Behind the sign bit, adding 1 to the exponent carries into the sign where it was all ones.
  using word = std::conditional_t<sizeof(T) == 8, std::uint64_t,
                                  std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint16_t>>;
  constexpr word sign = static_cast<word>(word{1} << (8 * sizeof(T) - 1));
  constexpr word one = static_cast<word>(word{1} << (sizeof(T) == 8 ? 52 : sizeof(T) == 4 ? 23 : 7));
  const auto carry = [](const T& value) {
    return static_cast<word>(static_cast<word>(std::bit_cast<word>(value) & static_cast<word>(~sign)) + one);
  };
  constexpr index_t lanes = 8;
  word found[lanes] = {};
  const index_t whole = count - count % lanes;
  for (index_t i = 0; i < whole; i += lanes)
    for (index_t lane = 0; lane < lanes; ++lane)
      found[lane] = static_cast<word>(found[lane] | carry(values[i + lane]));
  for (index_t i = whole; i < count; ++i) found[0] = static_cast<word>(found[0] | carry(values[i]));
  word any = 0;
  for (const word lane : found) any = static_cast<word>(any | lane);
  return (any & sign) == 0;
}

/// The class of no answer; equal to no label.
inline constexpr index_t no_class = -1;

/// The first of the largest of `count` logits; no_class where one of them is no number, or there is none.
template <class T>
SPANKEY_HOST_DEVICE constexpr index_t arg_max(const T* logits, index_t count) {
  index_t top = no_class;
  for (index_t c = 0; c < count; ++c) {
    if (!is_finite(logits[c])) return no_class;
    if (top == no_class || logits[top] < logits[c]) top = c;
  }
  return top;
}

}  // namespace spankey
