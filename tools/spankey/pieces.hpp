// A value of a flag that lists several.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>

/// Calls f(piece) for the pieces between commas; an empty text has one, which is empty.
template <class F>
void for_each_piece(const std::string& text, const F& f) {
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    f(text.substr(begin, end - begin));
    begin = end + 1;
  }
}
