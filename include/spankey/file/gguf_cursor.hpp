// A walk along the bytes of a GGUF file (file/gguf.hpp) that never goes behind their end: numbers, and texts behind their
// lengths, which are checked against what is left before anything is made of them. Fails with gguf.103.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "spankey/core/error.hpp"

namespace spankey {

/// Of the values of keys, by their numbers in files.
enum class gguf_value_type : std::uint32_t {
  u8,
  i8,
  u16,
  i16,
  u32,
  i32,
  f32,
  boolean,
  string,
  array,
  u64,
  i64,
  f64
};

namespace gguf {

/// Bytes of a number; 0 of texts and arrays, and of types that are none.
constexpr std::uint64_t size_of(gguf_value_type type) {
  switch (type) {
    case gguf_value_type::u8:
    case gguf_value_type::i8:
    case gguf_value_type::boolean:
      return 1;
    case gguf_value_type::u16:
    case gguf_value_type::i16:
      return 2;
    case gguf_value_type::u32:
    case gguf_value_type::i32:
    case gguf_value_type::f32:
      return 4;
    case gguf_value_type::u64:
    case gguf_value_type::i64:
    case gguf_value_type::f64:
      return 8;
    case gguf_value_type::string:
    case gguf_value_type::array:
      break;
  }
  return 0;
}

// Walks along a file, and never behind its end.
class cursor {
 public:
  cursor(std::span<const std::byte> bytes, const std::string& where) : bytes_(bytes), where_(&where) {}

  [[nodiscard]] std::uint64_t left() const { return bytes_.size() - at_; }
  [[nodiscard]] std::uint64_t at() const { return at_; }
  [[nodiscard]] std::span<const std::byte> since(std::uint64_t begin) const {
    return bytes_.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(at_ - begin));
  }
  std::span<const std::byte> take(std::uint64_t count, std::string_view what) {
    if (count > left())
      fail("gguf.103", *where_, "expected ", count, " bytes of ", what, " at byte ", at_, ", found ", left());
    const auto found = bytes_.subspan(static_cast<std::size_t>(at_), static_cast<std::size_t>(count));
    at_ += count;
    return found;
  }
  template <class T>
  T number(std::string_view what) {
    T found;
    std::memcpy(&found, take(sizeof found, what).data(), sizeof found);
    return found;
  }
  std::string_view text(std::string_view what) {
    const auto found = take(number<std::uint64_t>(what), what);
    return {reinterpret_cast<const char*>(found.data()), found.size()};
  }

 private:
  std::span<const std::byte> bytes_;
  std::uint64_t at_ = 0;
  const std::string* where_;
};

}  // namespace gguf
}  // namespace spankey

#include "spankey/core/macros_on.hpp"
