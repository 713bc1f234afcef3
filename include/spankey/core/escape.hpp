// Bytes as text that is safe to print, one spelling for error messages, file names and checksums: \x1b, 0badcafe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "spankey/core/dialect.hpp"

namespace spankey {

/// A control character of ASCII: what ends a line, or what a terminal obeys.
constexpr bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

/// The last `count` hexadecimal digits of `number`.
inline std::string hex_digits(std::uint64_t number, int count) {
  std::string text;
  while (count-- > 0) text.push_back("0123456789abcdef"[number >> 4 * count & 15]);
  return text;
}

/// One byte as \xNN.
inline std::string escaped(char c) { return "\\x" + hex_digits(static_cast<unsigned char>(c), 2); }

/// `text` with every control character as \xNN.
inline std::string on_one_line(std::string_view text) {
  std::string line;
  for (const char c : text) {
    if (is_control(c)) {
      line += escaped(c);
    } else {
      line.push_back(c);
    }
  }
  return line;
}

}  // namespace spankey
