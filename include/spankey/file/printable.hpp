// Text from outside (paths, tensor names) made safe for a one-line error message.
//
// A name in a file may hold line breaks, zero bytes or megabytes of text. Control characters become \xNN and
// long text is cut in the middle of the line, so that an error stays one readable line whatever the file
// says.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "spankey/file/utf8.hpp"

namespace spankey {

/// `text` with control characters and invalid UTF-8 written as \xNN, and at most about `longest` bytes of it
/// ("..." marks the cut).
inline std::string printable(std::string_view text, std::size_t longest = 200) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string line;
  std::size_t at = 0;
  while (at < text.size() && at < longest) {
    const auto code = static_cast<unsigned char>(text[at]);
    const std::size_t length = utf8_length(text.substr(at));
    if (length == 0 || code < 0x20 || code == 0x7F) {
      line.append("\\x").append(1, digits[code >> 4]).append(1, digits[code & 15]);
      ++at;
    } else {
      line.append(text.substr(at, length));
      at += length;
    }
  }
  if (at < text.size()) line.append("...");
  return line;
}

/// printable() between double quotes.
inline std::string in_quotes(std::string_view text) { return '"' + printable(text) + '"'; }

}  // namespace spankey
