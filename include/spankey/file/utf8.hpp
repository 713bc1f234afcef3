// UTF-8: length and validity of sequences, and the bytes of a code point.
//
// Exactly the sequences of RFC 3629 are valid: no overlong form, no surrogate (U+D800 to U+DFFF), nothing
// above U+10FFFF. Names that pass are the same text for every reader, so two names cannot differ by spelling
// only. Source: RFC 3629, section 4 (the table of byte ranges).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "spankey/core/dialect.hpp"

namespace spankey {

/// Length of the UTF-8 sequence at the start of `text` (1 to 4), or 0 where it is not valid UTF-8.
constexpr std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  if (text.empty()) return 0;
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first < 0xC2   ? 0U
                             : first < 0xE0 ? 2U
                             : first < 0xF0 ? 3U
                             : first < 0xF5 ? 4U
                                            : 0U;
  if (length == 0 || text.size() < length) return 0;
  // The second byte excludes overlong forms, surrogates and code points over U+10FFFF.
  const unsigned low = first == 0xE0 ? 0xA0U : first == 0xF0 ? 0x90U : 0x80U;
  const unsigned high = first == 0xED ? 0x9FU : first == 0xF4 ? 0x8FU : 0xBFU;
  if (byte(1) < low || byte(1) > high) return 0;
  for (std::size_t i = 2; i < length; ++i) {
    if (byte(i) < 0x80 || byte(i) > 0xBF) return 0;
  }
  return length;
}

constexpr bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

/// UTF-8 form of a code point (not a surrogate) at the end of `text`.
inline void append_utf8(std::string& text, std::uint32_t code) {
  const auto put = [&](std::uint32_t byte) { text.push_back(static_cast<char>(byte)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | code >> 6), put(0x80 | (code & 63));
  } else if (code < 0x10000) {
    put(0xE0 | code >> 12), put(0x80 | (code >> 6 & 63)), put(0x80 | (code & 63));
  } else {
    put(0xF0 | code >> 18), put(0x80 | (code >> 12 & 63)), put(0x80 | (code >> 6 & 63)),
        put(0x80 | (code & 63));
  }
}

}  // namespace spankey
