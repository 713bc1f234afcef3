// bfloat16: the upper half of a float; 8 bits of mantissa, the range of float. A storage type: everything computes in
// float and rounds to nearest, ties to even, when it stores. A NaN stays a NaN, an infinity an infinity; a value
// that rounds past the largest finite one becomes an infinity.
#pragma once

#include <bit>
#include <cstdint>
#include <type_traits>

#include "spankey/core/dialect.hpp"

namespace spankey {

struct bf16 {
  std::uint16_t bits = 0;

  constexpr bf16() = default;
  constexpr explicit bf16(float value) : bits(rounded(value)) {}
  constexpr explicit bf16(double value) : bf16(static_cast<float>(value)) {}
  constexpr operator float() const { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }

 private:
  static constexpr std::uint16_t rounded(float value) {
    const auto word = std::bit_cast<std::uint32_t>(value);
    const std::uint32_t upper = word >> 16;
    // Rounding could carry a NaN into an infinity: it is quieted instead, its sign kept.
    if ((word & 0x7FFFFFFFU) > 0x7F800000U) return static_cast<std::uint16_t>(upper | 0x40U);
    return static_cast<std::uint16_t>((word + 0x7FFFU + (upper & 1U)) >> 16);
  }
};
static_assert(sizeof(bf16) == 2 && std::is_trivially_copyable_v<bf16>);

template <class T>
struct master_of {
  using type = T;
};
template <>
struct master_of<bf16> {
  using type = float;
};

/// The scalar of parameters, their gradients, statistics, keys, logits and losses in a model whose activations are T.
template <class T>
using master_t = typename master_of<T>::type;

}  // namespace spankey
