#include "spankey/core/escape.hpp"

#include <doctest/doctest.h>

using namespace std::string_literals;

TEST_CASE("control characters are those of ASCII, and no byte of UTF-8 is one") {
  for (const char c : "\t\n\r\x1b\x1f\x7f\0"s) CHECK(spankey::is_control(c));
  for (const char c : " ~A\x80\x9b\xc3\xff"s) CHECK_FALSE(spankey::is_control(c));
}

TEST_CASE("digits are lower case and as many as asked for") {
  CHECK(spankey::hex_digits(0xBADCAFE, 8) == "0badcafe");
  CHECK(spankey::hex_digits(0x1F2, 2) == "f2");
  CHECK(spankey::hex_digits(0xFEDCBA9876543210, 16) == "fedcba9876543210");
  CHECK(spankey::hex_digits(7, 0).empty());
}

TEST_CASE("text on one line") {
  CHECK(spankey::escaped('\xff') == "\\xff");
  CHECK(spankey::on_one_line("a\nb\0\x1b[31m\x7f"s) == "a\\x0ab\\x00\\x1b[31m\\x7f");
  CHECK(spankey::on_one_line("\u00e9 as it is") == "\u00e9 as it is");
}
