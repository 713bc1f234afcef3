// Text as one word of a POSIX shell, for commands that a message proposes.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "spankey/core/escape.hpp"

namespace spankey {

/// A word that a shell reads as `text`, and no program as a flag (-x becomes ./-x): as it is where it can be, else between
/// single quotes; with control characters as $'...', which stays one line and which all but the plainest shells read.
inline std::string shell_word(std::string_view text) {
  constexpr std::string_view digits = "01234567", plain = "_-./:@%+=,";
  const auto is_plain = [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           plain.find(c) != std::string_view::npos;
  };
  const std::string before(text.starts_with('-') ? "./" : "");
  if (!text.empty() && std::all_of(text.begin(), text.end(), is_plain)) return before + std::string(text);
  const bool escapes = std::any_of(text.begin(), text.end(), is_control);
  std::string word = (escapes ? "$'" : "'") + before;
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (is_control(c)) {
      word.append({'\\', digits[code >> 6], digits[code >> 3 & 7], digits[code & 7]});
    } else if (c == '\'' || (escapes && c == '\\')) {
      word.append(escapes ? "\\" : "'\\").append(1, c).append(escapes ? "" : "'");
    } else {
      word.push_back(c);
    }
  }
  return word + "'";
}

}  // namespace spankey
