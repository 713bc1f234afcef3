// What a call refuses with: for the tests of every folder.
#pragma once

#include <doctest/doctest.h>

#include <initializer_list>
#include <string>
#include <string_view>

#include "spankey/core/error.hpp"

namespace spankey_test {

/// The message of the error that f() ends with, which must be one line; "no error" where it ends without.
template <class F>
std::string message_of(F&& f) {
  try {
    f();
  } catch (const spankey::error& e) {
    const std::string message = e.what();
    CHECK(message.find('\n') == std::string::npos);
    CHECK(message.starts_with("[spankey." + e.id() + "] "));
    return message;
  }
  return "no error";
}

/// Its id, or "no error".
template <class F>
std::string id_of(F&& f) {
  const std::string message = message_of(f);
  constexpr std::size_t prefix = std::char_traits<char>::length("[spankey.");
  return message.starts_with("[spankey.") ? message.substr(prefix, message.find(']') - prefix) : message;
}

/// Checks that f() ends with the error `id` whose line holds every one of `parts`: numbers and names, not the wording.
template <class F>
void check_refused(F&& f, std::string_view id, std::initializer_list<std::string_view> parts = {}) {
  const std::string message = message_of(f);
  CAPTURE(message);
  bool all = message.starts_with("[spankey." + std::string(id) + "] ");
  for (const std::string_view part : parts) all = all && message.find(part) != std::string::npos;
  CHECK(all);
}

}  // namespace spankey_test
