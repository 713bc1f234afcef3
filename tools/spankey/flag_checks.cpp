#include "flag_checks.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <system_error>
#include <type_traits>
#include <utility>

#include "spankey/core/finite.hpp"
#include "spankey/file/printable.hpp"

namespace {

// Letters small, _ as -, no dashes in front: what a slip of the keyboard or of the memory leaves alone.
std::string plain(std::string_view name) {
  std::string text;
  for (const char c : name) {
    const char letter = c == '_' ? '-' : c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    if (letter != '-' || !text.empty()) text += letter;
  }
  return text;
}

// Letters to insert, remove, replace, or exchange with their neighbour between two names.
std::size_t edits(const std::string& a, const std::string& b) {
  const std::size_t width = b.size() + 1;
  std::vector<std::size_t> rows((a.size() + 1) * width);
  const auto at = [&](std::size_t i, std::size_t j) -> std::size_t& { return rows[i * width + j]; };
  for (std::size_t i = 0; i <= a.size(); ++i) {
    for (std::size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        at(i, j) = i + j;
        continue;
      }
      at(i, j) =
          std::min({at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        at(i, j) = std::min(at(i, j), at(i - 2, j - 2) + 1);
    }
  }
  return rows.back();
}

std::string number_text(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", value);
  return text;
}
template <class T>
std::string bound_text(T value) {
  if constexpr (std::is_integral_v<T>) {
    return std::to_string(value);
  } else {
    return number_text(value);
  }
}

template <class T>
bool reads(const std::string& text, T& value) {
  const char* const end = text.data() + text.size();
  const auto [stop, code] = std::from_chars(text.data(), end, value);
  return code == std::errc{} && stop == end;
}

// 1e3, 0x10, +5, 1_000, 0,1 as a plain decimal number; "" where it is no number.
std::string as_decimal(std::string text) {
  std::erase(text, '_');
  std::replace(text.begin(), text.end(), ',', '.');
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0' || !spankey::is_finite(value)) return {};
  return std::fabs(value) < 1e15 && value == std::floor(value)
             ? std::to_string(static_cast<std::int64_t>(value))
             : number_text(value);
}

}  // namespace

std::string value_check::refusal(const std::string& text) const {
  std::string line = "found '" + spankey::printable(text) + "', expected " + allowed;
  if (!choices.empty()) return line + did_you_mean(text, choices);
  const std::string number = takes == "NUMBER" || takes == "N" ? as_decimal(text) : "";
  if (!number.empty() && number != text && fits(number)) line += "; did you mean " + number + "?";
  return line;
}

template <class T>
value_check from_to(T low, T high) {
  const bool whole = std::is_integral_v<T>;
  return {.takes = whole ? "N" : "NUMBER",
          .allowed = std::string(whole ? "a whole number" : "a number") + " from " + bound_text(low) +
                     " to " + bound_text(high),
          .fits = [=](const std::string& text) {
            T value{};
            return reads(text, value) && value >= low && value <= high;
          }};
}
template value_check from_to(int, int);
template value_check from_to(std::int64_t, std::int64_t);
template value_check from_to(std::uint64_t, std::uint64_t);
template value_check from_to(double, double);

value_check count_from(int lowest) { return from_to<std::int64_t>(lowest, (std::int64_t{1} << 30) - 1); }

value_check one_of(std::vector<std::string> choices) {
  std::string allowed = choices.size() == 1 ? "" : "one of ", takes;
  for (const std::string& choice : choices) {
    allowed += (takes.empty() ? "" : ", ") + choice;
    takes += (takes.empty() ? "" : "|") + choice;
  }
  return {.takes = takes, .allowed = allowed, .choices = choices, .fits = [choices](const std::string& text) {
            return std::find(choices.begin(), choices.end(), text) != choices.end();
          }};
}

value_check any_text(const char* takes) {
  return {.takes = takes, .allowed = "a text", .fits = [](const std::string&) { return true; }};
}

value_check path_text(const char* takes) {
  const bool is_file = takes == std::string_view("FILE");
  return {.takes = takes, .allowed = is_file ? "the name of a file" : "the name of a folder"};
}

value_check identifier_text() {
  const auto fits = [](const std::string& text) {
    const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    return !text.empty() && letter(text.front()) && std::all_of(text.begin(), text.end(), [&](char c) {
      return letter(c) || (c >= '0' && c <= '9') || c == '_';
    });
  };
  return {
      .takes = "NAME", .allowed = "a name of letters, digits and _ that begins with a letter", .fits = fits};
}

template <class T>
T number_in(const std::string& text) {
  T value{};
  return reads(text, value) ? value : T{};
}
template int number_in(const std::string&);
template std::int64_t number_in(const std::string&);
template std::uint64_t number_in(const std::string&);
template double number_in(const std::string&);

std::string did_you_mean(std::string_view found, const std::vector<std::string>& candidates) {
  constexpr std::size_t longest = 64, most = 3;
  const std::string given = plain(found.substr(0, longest));
  if (given.empty()) return {};
  std::vector<std::string> best;
  std::size_t least = std::numeric_limits<std::size_t>::max();
  for (const std::string& candidate : candidates) {
    const std::string name = plain(candidate);
    std::size_t distance = edits(given, name);
    const bool begins = given.size() >= 3 && given != name && name.starts_with(given);
    if (begins) distance = 1;  // an abbreviation
    if (!begins && distance > 0 && 3 * distance >= std::max(given.size(), name.size())) continue;
    if (distance < least) best.clear();
    if (distance <= least) best.push_back(candidate);
    least = std::min(least, distance);
  }
  if (best.empty() || best.size() > most) return {};
  std::string names;
  for (const std::string& name : best) names += (names.empty() ? "" : " or ") + name;
  return "; did you mean " + names + "?";
}
