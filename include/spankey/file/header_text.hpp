// Reads and writes the few JSON elements that a safetensors header consists of: strings, non-negative
// integers and punctuation.
//
// Strict where general JSON readers are lenient: text must be UTF-8, control characters and lone surrogates
// are errors, integers have no sign, fraction, exponent or leading zero. Nothing here recurses, so no header
// can exhaust the stack. Source: RFC 8259 (JSON).
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "spankey/core/error.hpp"
#include "spankey/core/escape.hpp"
#include "spankey/core/shape.hpp"
#include "spankey/file/printable.hpp"
#include "spankey/file/utf8.hpp"

namespace spankey {

// The one-letter escapes of JSON and what they mean; "\/" is read but needs no escape when written.
inline constexpr std::string_view escape_letters = "\"\\bfnrt/", escape_meanings = "\"\\\b\f\n\r\t/";

/// `text` (UTF-8) as a JSON string with its quotes.
inline std::string json_string(std::string_view text) {
  std::string json = "\"";
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (const std::size_t i = escape_meanings.find(c); i != std::string_view::npos && c != '/') {
      json.append(1, '\\').append(1, escape_letters[i]);
    } else if (code < 0x20) {
      json.append("\\u").append(hex_digits(code, 4));
    } else {
      json.push_back(c);
    }
  }
  return json + '"';
}

/// Reads a header from left to right. Every error (safetensors.104) names `where` and the byte of the header.
class header_text {
 public:
  /// `text` and `where` must outlive this object.
  header_text(std::string_view text, std::string_view where) : text_(text), where_(where) {}

  /// Skips white space, then takes `c` if it is next.
  bool accept(char c) {
    skip_space();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) expected(std::string("'") + c + "'");
  }
  void expect_end() {
    skip_space();
    if (at_ != text_.size()) expected("the end of the header");
  }

  /// A string, decoded to UTF-8.
  std::string string() {
    expect('"');
    std::string value;
    for (;;) {
      const char c = peek();
      if (c == '"') return ++at_, value;
      if (c == '\\') {
        escape(value);
        continue;
      }
      if (static_cast<unsigned char>(c) < 0x20) expected("no control character in a string");
      const std::size_t length = utf8_length(text_.substr(at_));
      if (length == 0) expected("valid UTF-8");
      value.append(text_.substr(at_, length));
      at_ += length;
    }
  }

  /// A non-negative integer that index_t holds.
  index_t integer() {
    constexpr index_t most = std::numeric_limits<index_t>::max();
    skip_space();
    const auto is_digit = [&] { return at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; };
    if (!is_digit()) expected("a non-negative integer");
    const bool zero = text_[at_] == '0';
    index_t value = 0;
    for (index_t digits = 0; is_digit(); ++digits, ++at_) {
      const index_t digit = text_[at_] - '0';
      if (zero && digits > 0) expected("an integer without leading zero");
      if (value > (most - digit) / 10) expected("an integer below 2^63");
      value = value * 10 + digit;
    }
    if (at_ < text_.size() && (text_[at_] == '.' || text_[at_] == 'e' || text_[at_] == 'E')) {
      expected("an integer without fraction or exponent");
    }
    return value;
  }

 private:
  void skip_space() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r')) {
      ++at_;
    }
  }

  char peek() const {
    if (at_ == text_.size()) expected("more text");
    return text_[at_];
  }

  [[noreturn]] void expected(std::string_view what) const {
    const std::string found =
        at_ < text_.size()
            ? in_quotes(text_.substr(at_, std::max<std::size_t>(1, utf8_length(text_.substr(at_)))))
            : std::string("its end");
    fail("safetensors.104", where_, "header byte ", at_, ": expected ", what, ", found ", found);
  }

  void escape(std::string& value) {
    ++at_;
    const char c = peek();
    if (const std::size_t i = escape_letters.find(c); i != std::string_view::npos) {
      value.push_back(escape_meanings[i]);
      ++at_;
      return;
    }
    if (c != 'u') expected("an escape of JSON");
    std::uint32_t code = four_digits();
    if (code >= 0xDC00 && code < 0xE000) expected("a high surrogate before the low one");
    if (code >= 0xD800 && code < 0xDC00) {
      if (text_.substr(at_, 2) != "\\u") expected("a low surrogate");
      ++at_;
      const std::uint32_t low = four_digits();
      if (low < 0xDC00 || low >= 0xE000) expected("a low surrogate");
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    append_utf8(value, code);
  }

  // The four digits behind "u".
  std::uint32_t four_digits() {
    ++at_;
    std::uint32_t code = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
      const char c = peek();
      if (c >= '0' && c <= '9') {
        code = code * 16 + static_cast<std::uint32_t>(c - '0');
      } else if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')) {
        code = code * 16 + static_cast<std::uint32_t>((c | 0x20) - 'a') + 10;
      } else {
        expected("a hexadecimal digit");
      }
    }
    return code;
  }

  std::string_view text_, where_;
  std::size_t at_ = 0;
};

}  // namespace spankey
