// FNV-1a over 32-bit words: no table, a multiplication a word, so that firmware checks what it was given. Every step is
// one-to-one, so a change inside one word is always found, and another one but once in 2^64. It finds accidents; it is no
// defence against somebody who wants bytes to be accepted.
//
//   sum <- (sum xor word) 0x100000001B3
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "spankey/core/dialect.hpp"

namespace spankey {

inline constexpr std::uint64_t word_checksum_start = 0xCBF29CE484222325U;

constexpr std::uint64_t with_word(std::uint64_t sum, std::uint32_t word) {
  return (sum ^ word) * 0x100000001B3U;
}

/// Of `bytes` bytes, a multiple of four, read as little-endian words on a little-endian machine; `sum` is that of what
/// stands before them.
inline std::uint64_t word_checksum(const std::byte* data, std::size_t bytes,
                                   std::uint64_t sum = word_checksum_start) {
  for (std::size_t i = 0; i < bytes; i += 4) {
    std::uint32_t word;
    std::memcpy(&word, data + i, 4);
    sum = with_word(sum, word);
  }
  return sum;
}

}  // namespace spankey
