// What a flag accepts, strictly: the whole text is one decimal number inside its range. CLI11's own Range lets
// nan through, and its conversions wrap -1 to 2^64 - 1.
#pragma once

#include <CLI/CLI.hpp>
#include <charconv>
#include <sstream>
#include <string>
#include <system_error>
#include <type_traits>

/// Accepts numbers of type T from `low` to `high`; refuses the rest with what was found and what is allowed.
template <class T>
CLI::Validator from_to(T low, T high) {
  std::ostringstream allowed;
  allowed << (std::is_integral_v<T> ? "a whole number" : "a number") << " from " << low << " to " << high;
  const std::string text = allowed.str();
  return CLI::Validator(
      [=](const std::string& given) {
        T value{};
        const char* const end = given.data() + given.size();
        const auto [stop, code] = std::from_chars(given.data(), end, value);
        const bool inside = code == std::errc{} && stop == end && value >= low && value <= high;
        return inside ? std::string() : "found '" + given + "', expected " + text;
      },
      "");
}

/// CLI11's message on one line.
inline std::string one_line(const CLI::Error& problem) {
  std::string message = problem.what();
  for (char& c : message) c = c == '\n' || c == '\r' ? ' ' : c;
  return message;
}
