// The pieces of a text that a byte-pair tokenizer merges within: GPT-2's regular expression, without a regular expression.
//   's|'t|'re|'ve|'m|'ll|'d  |  ?\p{L}+  |  ?\p{N}+  |  ?[^\s\p{L}\p{N}]+  |  \s+(?!\S)  |  \s+
// With `apart` every number (\p{N}) is first cut out of the text as a piece of its own, as SmolLM's digits are; what lies between
// is cut as above, each part as if it were a whole text. Letters and numbers are those of Unicode (letter_ranges.inl), spaces
// those of its White_Space. A byte that is no UTF-8 is neither. Texts are not normalised: where a composed and a decomposed
// letter look alike, they are different pieces.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "spankey/file/utf8.hpp"

namespace spankey {

namespace text_pieces {

struct code_range {
  std::uint32_t first, last;
};
#include "spankey/data/letter_ranges.inl"

enum class kind : unsigned char { letter, number, space, other };

/// A code point of a text: how many bytes it takes, and what it is.
struct letter {
  std::size_t bytes;
  kind is;
};

template <std::size_t N>
constexpr bool is_in(const std::array<code_range, N>& ranges, std::uint32_t code) {
  const auto after = std::upper_bound(ranges.begin(), ranges.end(), code,
                                      [](std::uint32_t c, const code_range& r) { return c < r.first; });
  return after != ranges.begin() && code <= std::prev(after)->last;
}

constexpr kind kind_of(std::uint32_t code) {
  const bool is_space = (code >= 9 && code <= 13) || code == 32 || code == 0x85 || code == 0xA0 ||
                        code == 0x1680 || (code >= 0x2000 && code <= 0x200A) || code == 0x2028 ||
                        code == 0x2029 || code == 0x202F || code == 0x205F || code == 0x3000;
  if (is_space) return kind::space;
  if (is_in(letter_ranges, code)) return kind::letter;
  return is_in(number_ranges, code) ? kind::number : kind::other;
}

/// The one that begins at `at`, which lies within the text.
constexpr letter letter_at(std::string_view text, std::size_t at) {
  const std::size_t bytes = utf8_length(text.substr(at));
  if (bytes == 0) return {1, kind::other};
  const auto byte = [&](std::size_t i) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(text[at + i]));
  };
  std::uint32_t code = bytes == 1 ? byte(0) : byte(0) & (0x7FU >> bytes);
  for (std::size_t i = 1; i < bytes; ++i) code = code << 6 | (byte(i) & 0x3FU);
  return {bytes, kind_of(code)};
}

/// Where the letters of one kind that begin at `at` end.
constexpr std::size_t end_of_run(std::string_view text, std::size_t at, kind of) {
  while (at < text.size()) {
    const letter l = letter_at(text, at);
    if (l.is != of) break;
    at += l.bytes;
  }
  return at;
}

/// Bytes of the first piece of a text that is not empty.
constexpr std::size_t first_piece(std::string_view text) {
  if (text[0] == '\'') {
    for (const std::string_view ending : {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"})
      if (text.starts_with(ending)) return ending.size();
  }
  const letter first = letter_at(text, 0);
  const std::size_t skipped = text[0] == ' ' && text.size() > 1 ? 1 : 0;  // " ?"
  const letter next = letter_at(text, skipped);
  if (next.is != kind::space) return end_of_run(text, skipped, next.is);
  // Spaces: all of them at the end of the text, else all but the last, which the next piece may take.
  const std::size_t end = end_of_run(text, 0, kind::space);
  if (end == text.size()) return end;
  std::size_t last = 0, at = 0;
  while (at < end) last = at, at += letter_at(text, at).bytes;
  return last > 0 ? last : first.bytes;
}

}  // namespace text_pieces

/// f(piece) for every piece of a text, in order.
template <class F>
constexpr void for_each_piece_of(std::string_view text, bool numbers_apart, const F& f) {
  using namespace text_pieces;
  const auto cut = [&](std::string_view part) {
    while (!part.empty()) {
      const std::size_t size = first_piece(part);
      f(part.substr(0, size));
      part.remove_prefix(size);
    }
  };
  if (!numbers_apart) return cut(text);
  std::size_t begin = 0, at = 0;
  while (at < text.size()) {
    const letter l = letter_at(text, at);
    if (l.is == kind::number) {
      cut(text.substr(begin, at - begin));
      f(text.substr(at, l.bytes));
      begin = at + l.bytes;
    }
    at += l.bytes;
  }
  cut(text.substr(begin));
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
