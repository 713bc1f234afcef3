#include "spankey/file/checksum.hpp"

#include <doctest/doctest.h>

#include <string>

using spankey::crc32;
using spankey::crc32_text;

TEST_CASE("CRC-32: the known values") {
  // The check value of every catalogue, and zlib's crc32() of the others.
  CHECK(crc32("123456789") == 0xCBF43926U);
  CHECK(crc32("") == 0U);
  CHECK(crc32("a") == 0xE8B7BE43U);
  CHECK(crc32("The quick brown fox jumps over the lazy dog") == 0x414FA339U);
  CHECK(crc32(std::string(1000, '\0')) == 0x060B1780U);
  CHECK(crc32_text(0x0060CF64U) == "0060cf64");
  CHECK(crc32_text(0xFFFFFFFFU) == "ffffffff");
}

TEST_CASE("CRC-32: in parts of any length it is that of the whole") {
  std::string text;
  for (int i = 0; i < 64; ++i) text.push_back(static_cast<char>(i * 37 + 11));
  for (std::size_t cut = 0; cut <= text.size(); ++cut)
    CHECK(crc32(text.substr(cut), crc32(text.substr(0, cut))) == crc32(text));
}

TEST_CASE("CRC-32: every flipped bit, every pair of them and every lost byte is found") {
  const std::string text = "param.conv1.weight, as it was written";
  const std::uint32_t right = crc32(text);
  const std::size_t bits = text.size() * 8;
  for (std::size_t i = 0; i < bits; ++i) {
    std::string one = text;
    one[i / 8] = static_cast<char>(one[i / 8] ^ (1 << i % 8));
    CHECK(crc32(one) != right);
    for (std::size_t j = i + 1; j < bits; ++j) {
      std::string two = one;
      two[j / 8] = static_cast<char>(two[j / 8] ^ (1 << j % 8));
      if (crc32(two) == right) FAIL("bits " << i << " and " << j);
    }
  }
  for (std::size_t i = 0; i < text.size(); ++i) CHECK(crc32(text.substr(0, i) + text.substr(i + 1)) != right);
}
