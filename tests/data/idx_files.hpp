// IDX files as the tests of readers need them: built byte by byte, sound unless a test damages them.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>

#include "spankey/core/shape.hpp"

namespace spankey_test {

inline std::string big_endian(std::initializer_list<std::uint32_t> words) {
  std::string bytes;
  for (const std::uint32_t word : words)
    for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(word >> shift & 255U));
  return bytes;
}

/// Byte i of an image file's items.
inline std::uint8_t idx_pixel(spankey::index_t i) {
  return static_cast<std::uint8_t>((i * 7 + i / 784) % 251);
}

inline std::string idx_images(std::uint32_t count) {
  std::string bytes = big_endian({0x803, count, 28, 28});
  for (spankey::index_t i = 0; i < 784 * spankey::index_t{count}; ++i)
    bytes.push_back(static_cast<char>(idx_pixel(i)));
  return bytes;
}

/// Labels first, first + 1, ... modulo 10.
inline std::string idx_labels(std::uint32_t count, std::uint32_t first = 0) {
  std::string bytes = big_endian({0x801, count});
  for (std::uint32_t i = 0; i < count; ++i) bytes.push_back(static_cast<char>((first + i) % 10));
  return bytes;
}

}  // namespace spankey_test
