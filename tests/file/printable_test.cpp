#include "spankey/file/printable.hpp"

#include <doctest/doctest.h>

using namespace std::string_literals;

TEST_CASE("printable text is one line of valid UTF-8") {
  CHECK(spankey::printable("layer1.0.conv1.weight") == "layer1.0.conv1.weight");
  CHECK(spankey::printable("a\nb\0c\x7f"s) == "a\\x0ab\\x00c\\x7f");
  CHECK(spankey::printable("\u00e9\xff\xe2\x82") == "\u00e9\\xff\\xe2\\x82");
  CHECK(spankey::in_quotes("x") == "\"x\"");
}

TEST_CASE("long text is cut, never inside a character") {
  CHECK(spankey::printable("abcdef", 3) == "abc...");
  CHECK(spankey::printable("abc", 3) == "abc");
  CHECK(spankey::printable("ab\u20acd", 3) == "ab\u20ac...");
  CHECK(spankey::printable(std::string(1000000, 'x')).size() == 203);
}
