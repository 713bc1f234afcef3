// Errors: one exception type, one line of text, one place that decides between throwing and aborting.
//
// Every message reads  [spankey.<id>] <where>: <what was found and what was expected>
// The id (for example "shape.101") is stable: programs and tests may compare it. A name from outside, a path say, may
// hold anything: control characters become \xNN, so that it stays one line and no terminal obeys it.
// Built with -fno-exceptions, fail() writes the line to stderr and aborts.
#pragma once

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

#include "spankey/core/escape.hpp"

namespace spankey {

/// What the library throws. what() is the whole line; id() the stable part, without "spankey.".
class error : public std::runtime_error {
 public:
  error(std::string_view id, std::string_view where, std::string_view message)
      : std::runtime_error("[spankey." + std::string(id) + "] " + on_one_line(where) + ": " +
                           on_one_line(message)),
        id_(id),
        before_(id.size() + on_one_line(where).size() + 13) {}
  [[nodiscard]] const std::string& id() const noexcept { return id_; }
  /// What stands behind the place.
  [[nodiscard]] std::string_view message() const noexcept { return std::string_view(what()).substr(before_); }

 private:
  std::string id_;
  std::size_t before_;  // "[spankey." id "] " where ": "
};

/// One value inside a message: strings and characters as they are, numbers in decimal. Refers to the value.
class message_part {
 public:
  template <class Value>
  message_part(const Value& value) {
    if constexpr (std::is_convertible_v<const Value&, std::string_view>) {
      text_ = value;
    } else if constexpr (std::is_same_v<Value, char>) {
      text_ = std::string_view(&value, 1);
    } else if constexpr (std::is_floating_point_v<Value>) {
      kind_ = kind::real;
      real_ = static_cast<double>(value);
    } else if constexpr (std::is_unsigned_v<Value>) {
      kind_ = kind::natural;
      natural_ = value;
    } else {
      kind_ = kind::integer;
      integer_ = value;
    }
  }

  [[nodiscard]] std::string text() const {
    switch (kind_) {
      case kind::real:
        return std::to_string(real_);
      case kind::natural:
        return std::to_string(natural_);
      case kind::integer:
        return std::to_string(integer_);
      case kind::text:
        break;
    }
    return std::string(text_);
  }

 private:
  enum class kind { text, real, natural, integer };
  kind kind_ = kind::text;
  std::string_view text_;
  double real_ = 0;
  unsigned long long natural_ = 0;
  long long integer_ = 0;
};

/// Ends the current operation: throws spankey::error, or prints it and aborts where exceptions are off.
[[noreturn]] inline void fail_with(std::string_view id, std::string_view where,
                                   std::initializer_list<message_part> parts) {
  std::string message;
  for (const message_part& part : parts) message += part.text();
#if defined(__cpp_exceptions)
  throw error(id, where, message);
#else
  std::fputs((error(id, where, message).what() + std::string("\n")).c_str(), stderr);
  std::abort();
#endif
}

/// The same, with the values as they come: only this much is compiled for every combination of types.
template <class... Values>
[[noreturn]] void fail(std::string_view id, std::string_view where, const Values&... values) {
  fail_with(id, where, {message_part(values)...});
}

}  // namespace spankey
