#include "spankey/file/utf8.hpp"

#include <doctest/doctest.h>

TEST_CASE("every code point is written as a valid sequence of its length") {
  for (std::uint32_t code = 0; code < 0x110000; ++code) {
    if (code >= 0xD800 && code < 0xE000) continue;
    std::string text;
    spankey::append_utf8(text, code);
    const std::size_t expected = code < 0x80 ? 1U : code < 0x800 ? 2U : code < 0x10000 ? 3U : 4U;
    if (text.size() != expected || spankey::utf8_length(text) != expected) FAIL("code point ", code);
  }
}

TEST_CASE("overlong forms, surrogates, lone and missing bytes are not UTF-8") {
  for (const char* bad :
       {"\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xC2", "\xC2\x41", "\xE0\x9F\xBF", "\xED\xA0\x80",
        "\xED\xBF\xBF", "\xE2\x82", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF"}) {
    CHECK_FALSE(spankey::is_utf8(bad));
  }
  CHECK(spankey::is_utf8(""));
  CHECK(spankey::is_utf8("a\u00e9\u20ac\U0001F600"));
  CHECK_FALSE(spankey::is_utf8("ok\xff"));
}
