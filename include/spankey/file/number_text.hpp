// Numbers as text and back, in the spelling of C whatever the locale is: the shortest text that brings the same number
// back, and numbers only, with nothing before or behind them.
//
// std::to_chars and std::from_chars, which libc++ before 20 does not have for floating point: there the C library's
// functions, in the C locale of this thread.
#pragma once

#include <array>
#include <charconv>
#include <clocale>
#include <concepts>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string_view>
#include <system_error>

#include "spankey/core/dialect.hpp"
#include "spankey/core/finite.hpp"

namespace spankey {

#if defined(__cpp_lib_to_chars)
inline constexpr bool floats_have_charconv = true;
#else
inline constexpr bool floats_have_charconv = false;
#endif

/// This thread's numbers are spelled as in C while it lives.
class c_spelling {
 public:
  c_spelling() : own_(::newlocale(LC_NUMERIC_MASK, "C", nullptr)), before_(::uselocale(own_)) {}
  ~c_spelling() {
    ::uselocale(before_);
    if (own_ != nullptr) ::freelocale(own_);
  }
  c_spelling(const c_spelling&) = delete;
  c_spelling& operator=(const c_spelling&) = delete;

 private:
  ::locale_t own_, before_;  // without memory for an own one the thread keeps its locale
};

/// All of `text`, which ends with a 0, as a float or a double, by the C library.
template <std::floating_point Number>
bool read_by_c_library(const char* text, Number& value) {
  // What strtod takes and from_chars does not: blanks, a plus, hexadecimal.
  if (*text == '\0' || std::strspn(text, "+ \t\n\v\f\r") != 0 || std::strpbrk(text, "xX") != nullptr)
    return false;
  const c_spelling c;
  char* stop = nullptr;
  Number read;
  if constexpr (std::same_as<Number, float>) {
    read = std::strtof(text, &stop);
  } else {
    read = std::strtod(text, &stop);
  }
  const bool is_infinite_by_name = std::strpbrk(text, "iI") != nullptr || std::strpbrk(text, "nN") != nullptr;
  if (*stop != '\0' || (!is_finite(read) && !is_infinite_by_name)) return false;
  value = read;
  return true;
}

/// The number's digits into `to`, ended with a 0; returns how many.
template <std::floating_point Number>
std::size_t write_by_c_library(Number value, char* to, std::size_t room) {
  const c_spelling c;
  int length = 0;
  for (int digits = 1; digits <= std::numeric_limits<Number>::max_digits10; ++digits) {
    length = std::snprintf(to, room, "%.*g", digits, static_cast<double>(value));
    Number back{};
    if (!is_finite(value) || (read_by_c_library(to, back) && back == value)) break;
  }
  return static_cast<std::size_t>(length);
}

/// A number's text, without memory of the heap.
class number_text {
 public:
  template <class Number>
  explicit number_text(Number value) {
    if constexpr (std::floating_point<Number> && !floats_have_charconv) {
      size_ = write_by_c_library(value, digits_.data(), digits_.size());
    } else {
      size_ = static_cast<std::size_t>(
          std::to_chars(digits_.data(), digits_.data() + digits_.size(), value).ptr - digits_.data());
    }
  }
  operator std::string_view() const { return {digits_.data(), size_}; }

 private:
  std::array<char, 40> digits_{};  // of a double 24, of 64 bits 20
  std::size_t size_ = 0;
};

/// Whether all of `text` is a number of this type, which `value` then is.
template <class Number>
bool read_number(std::string_view text, Number& value) {
  if constexpr (std::floating_point<Number> && !floats_have_charconv) {
    std::array<char, 400> copy{};
    if (text.size() >= copy.size() || text.find('\0') != std::string_view::npos) return false;
    text.copy(copy.data(), text.size());
    return read_by_c_library(copy.data(), value);
  } else {
    Number read{};
    const char* const end = text.data() + text.size();
    const auto [stop, code] = std::from_chars(text.data(), end, read);
    if (text.empty() || code != std::errc{} || stop != end) return false;
    value = read;
    return true;
  }
}

}  // namespace spankey
