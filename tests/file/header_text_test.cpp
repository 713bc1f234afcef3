#include "spankey/file/header_text.hpp"

#include <doctest/doctest.h>

#include <string>

#include "error_probe.hpp"

namespace {

using spankey_test::id_of;

using namespace std::string_literals;

std::string decoded(const std::string& json) {
  spankey::header_text text(json, "test");
  std::string value = text.string();
  text.expect_end();
  return value;
}

spankey::index_t number(const std::string& json) {
  spankey::header_text text(json, "test");
  const spankey::index_t value = text.integer();
  text.expect_end();
  return value;
}

}  // namespace

TEST_CASE("strings: every escape of JSON, and UTF-8 as it is") {
  CHECK(decoded(R"("plain")") == "plain");
  CHECK(decoded(R"("\"\\\/\b\f\n\r\t")") == "\"\\/\b\f\n\r\t");
  CHECK(decoded(R"("\u0041\u00e9\u20ac\ud83d\uDE00")") == "A\u00e9\u20ac\U0001F600");
  CHECK(decoded("\"\u00e9\u20ac\U0001F600\"") == "\u00e9\u20ac\U0001F600");
  CHECK(decoded(R"("a\u0000b")") == "a\0b"s);
  CHECK(decoded(" \t\r\n\"x\" ") == "x");
}

TEST_CASE("strings: what is not JSON or not UTF-8 is an error") {
  for (const std::string& bad : {"x"s,
                                 "\""s,
                                 "\"abc"s,
                                 "\"\n\""s,
                                 "\"\0\""s,
                                 R"("\x")"s,
                                 R"("\)"s,
                                 R"("\u12")"s,
                                 R"("\u12G4")"s,
                                 R"("\ud800")"s,
                                 R"("\ud800x")"s,
                                 R"("\ud800\u0041")"s,
                                 R"("\udc00")"s,
                                 "\"\x80\""s,
                                 "\"\xC0\xAF\""s,
                                 "\"\xE0\x80\x80\""s,
                                 "\"\xED\xA0\x80\""s,
                                 "\"\xF4\x90\x80\x80\""s,
                                 "\"\xF5\x80\x80\x80\""s,
                                 "\"\xE2\x82\""s,
                                 "\"\xE2"s,
                                 "\"a\" b"s}) {
    CAPTURE(bad);
    CHECK(id_of([&] { decoded(bad); }) == "safetensors.104");
  }
}

TEST_CASE("strings: writing and reading are inverse") {
  const std::string text = "q\" b\\ n\n z\0 \x1f \x7f \u20ac"s;
  CHECK(decoded(spankey::json_string(text)) == text);
  CHECK(spankey::json_string("a\"\n\x01/") == R"("a\"\n\u0001/")");
}

TEST_CASE("integers: non-negative, plain, within index_t") {
  CHECK(number("0") == 0);
  CHECK(number(" 9223372036854775807 ") == std::numeric_limits<spankey::index_t>::max());
  for (const char* bad : {"", "-1", "+1", "01", "00", "1.0", "1e3", "1E3", "9223372036854775808",
                          "99999999999999999999999999", "x", "\"1\"", "0x10", "1 2", "null"}) {
    CAPTURE(bad);
    CHECK(id_of([&] { number(bad); }) == "safetensors.104");
  }
}

TEST_CASE("errors name the place, what was expected and what was found") {
  spankey::header_text text("  ?", "file.bin");
  try {
    text.expect('{');
    FAIL("no error");
  } catch (const spankey::error& e) {
    CHECK(std::string(e.what()) ==
          "[spankey.safetensors.104] file.bin: header byte 2: expected '{', found \"?\"");
  }
}
