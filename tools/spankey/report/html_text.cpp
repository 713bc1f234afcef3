#include "html_text.hpp"

#include <cmath>
#include <cstdio>

#include "spankey/file/utf8.hpp"

namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";  // U+FFFD
constexpr std::string_view ellipsis = "\xE2\x80\xA6";     // U+2026
constexpr std::string_view minus = "\xE2\x88\x92";        // U+2212

std::string printed(const char* format, double value) {
  char text[64];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

// f(sequence) for every character of UTF-8, and for every byte that begins none.
template <class F>
void for_each_character(std::string_view text, F&& f) {
  while (!text.empty()) {
    const std::size_t length = spankey::utf8_length(text);
    f(length == 0 ? replacement : text.substr(0, length));
    text.remove_prefix(length == 0 ? 1 : length);
  }
}

// C0 controls (but tab and line feed), DEL and C1 controls have no place in HTML.
bool is_forbidden(std::string_view character) {
  const auto first = static_cast<unsigned char>(character[0]);
  if (character.size() == 2) return first == 0xC2 && static_cast<unsigned char>(character[1]) < 0xA0;
  return character.size() == 1 && ((first < 0x20 && first != '\t' && first != '\n') || first == 0x7F);
}

// UTF-8 sorts as code points do.
std::size_t width_of(std::string_view character) {
  return character >= "\xE2\xBA\x80" && character != replacement ? 2 : 1;
}

}  // namespace

std::string escaped(std::string_view text) {
  std::string out;
  for_each_character(text, [&](std::string_view character) {
    if (character == "&") return void(out += "&amp;");
    if (character == "<") return void(out += "&lt;");
    if (character == ">") return void(out += "&gt;");
    if (character == "\"") return void(out += "&quot;");
    if (character == "'") return void(out += "&#39;");
    out += is_forbidden(character) ? replacement : character;
  });
  return out;
}

std::string url_segment(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    const bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                       c == '-' || c == '_' || c == '~' || c == '.';
    if (plain) {
      out += c;
    } else {
      (out += '%').append(1, digits[code >> 4]).append(1, digits[code & 15]);
    }
  }
  return out;
}

std::size_t columns_of(std::string_view text) {
  std::size_t columns = 0;
  for_each_character(text, [&](std::string_view character) { columns += width_of(character); });
  return columns;
}

std::string shortened(std::string_view text, std::size_t most) {
  if (columns_of(text) <= most) return std::string(text);
  std::string out;
  std::size_t columns = 0;
  for_each_character(text, [&](std::string_view character) {
    columns += width_of(character);
    if (columns < most) out += character;
  });
  return out.append(ellipsis);
}

std::string share_text(double share) {
  std::string text = printed("%.4f", share);
  const bool negative = text[0] == '-';
  if (negative) text.erase(0, 1);
  if (text[0] == '0') text.erase(0, 1);
  return negative && text != ".0000" ? std::string(minus) + text : text;
}

std::string difference_text(double difference) {
  const std::string text = share_text(difference);
  return difference > 0 && text != ".0000" ? "+" + text : text;
}

std::string figure_text(double value) {
  const double size = std::fabs(value);
  return printed(size == 0 || (size >= 0.001 && size < 10000) ? "%.4f" : "%.2e", value);
}

std::string coordinate(double value) {
  std::string text = printed("%.1f", value);
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return text == "-0" ? "0" : text;
}
