// What file/printable.hpp declares.
#pragma once

#include "spankey/core/escape.hpp"
#include "spankey/file/printable.hpp"
#include "spankey/file/utf8.hpp"

namespace spankey {

std::string printable(std::string_view text, std::size_t longest) {
  std::string line;
  std::size_t at = 0;
  while (at < text.size() && at < longest) {
    const std::size_t length = utf8_length(text.substr(at));
    if (length == 0 || is_control(text[at])) {
      line += escaped(text[at++]);
    } else {
      line.append(text.substr(at, length));
      at += length;
    }
  }
  if (at < text.size()) line.append("...");
  return line;
}

}  // namespace spankey
