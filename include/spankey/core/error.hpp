// Errors: one exception type, one line of text, one place that decides between throwing and aborting.
//
// Every message reads  [spankey.<id>] <where>: <what was found and what was expected>
// The id (for example "shape.101") is stable: programs and tests may compare it.
// Built with -fno-exceptions, fail() writes the line to stderr and aborts.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

namespace spankey {

/// What the library throws. what() is the whole line; id() the stable part, without "spankey.".
class error : public std::runtime_error {
 public:
  error(std::string_view id, std::string_view where, std::string_view message)
      : std::runtime_error("[spankey." + std::string(id) + "] " + std::string(where) + ": " +
                           std::string(message)),
        id_(id) {}
  [[nodiscard]] const std::string& id() const noexcept { return id_; }

 private:
  std::string id_;
};

/// Text of one value inside a message: strings as they are, numbers in decimal.
template <class Value>
std::string message_text(const Value& value) {
  if constexpr (std::is_convertible_v<const Value&, std::string_view>) {
    return std::string(std::string_view(value));
  } else if constexpr (std::is_same_v<Value, char>) {
    return std::string(1, value);
  } else {
    return std::to_string(value);
  }
}

/// Ends the current operation: throws spankey::error, or prints it and aborts where exceptions are off.
template <class... Values>
[[noreturn]] void fail(std::string_view id, std::string_view where, const Values&... values) {
  std::string message;
  (message.append(message_text(values)), ...);
#if defined(__cpp_exceptions)
  throw error(id, where, message);
#else
  std::fputs((error(id, where, message).what() + std::string("\n")).c_str(), stderr);
  std::abort();
#endif
}

}  // namespace spankey
