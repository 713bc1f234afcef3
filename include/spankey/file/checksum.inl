// What file/checksum.hpp declares, and its tables.
#pragma once

#include <array>

#include "spankey/file/checksum.hpp"

namespace spankey {

using crc32_tables = std::array<std::array<std::uint32_t, 256>, 8>;

/// [k][b]: what byte b adds to the remainder when k bytes come after it.
inline constexpr crc32_tables crc32_table = [] {
  crc32_tables t{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t c = i;
    for (int bit = 0; bit < 8; ++bit) c = (c >> 1) ^ ((c & 1U) != 0 ? 0xEDB88320U : 0U);
    t[0][i] = c;
  }
  for (std::size_t k = 1; k < 8; ++k)
    for (std::size_t i = 0; i < 256; ++i) t[k][i] = (t[k - 1][i] >> 8) ^ t[0][t[k - 1][i] & 0xFFU];
  return t;
}();

std::uint32_t crc32(std::span<const std::byte> bytes, std::uint32_t before) {
  const crc32_tables& t = crc32_table;
  std::uint32_t c = ~before;
  const std::byte* at = bytes.data();
  std::size_t left = bytes.size();
  const auto byte_of = [](std::uint32_t word, int i) -> std::size_t { return word >> (8 * i) & 0xFFU; };
  for (; left >= 8; left -= 8, at += 8) {
    std::uint32_t low = 0, high = 0;  // as a little-endian machine reads them
    for (int i = 3; i >= 0; --i) low = low << 8 | std::to_integer<std::uint32_t>(at[i]);
    for (int i = 7; i >= 4; --i) high = high << 8 | std::to_integer<std::uint32_t>(at[i]);
    low ^= c;
    c = t[7][byte_of(low, 0)] ^ t[6][byte_of(low, 1)] ^ t[5][byte_of(low, 2)] ^ t[4][byte_of(low, 3)] ^
        t[3][byte_of(high, 0)] ^ t[2][byte_of(high, 1)] ^ t[1][byte_of(high, 2)] ^ t[0][byte_of(high, 3)];
  }
  for (; left > 0; --left, ++at) c = (c >> 8) ^ t[0][(c ^ std::to_integer<std::uint32_t>(*at)) & 0xFFU];
  return ~c;
}

std::uint32_t crc32(std::string_view text, std::uint32_t before) {
  return crc32(std::as_bytes(std::span<const char>(text.data(), text.size())), before);
}

}  // namespace spankey
