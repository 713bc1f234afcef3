// The one line of an error: [spankey.<id>] <where>: <message>, values in decimal.
#include "spankey/core/error.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <string_view>

TEST_CASE("fail: one line with id, place and values") {
  const std::string name = "stage2";
  try {
    spankey::fail("shape.101", name + ".conv1", "expected C=", 64, ", got C=", 128L, " in ", name);
    FAIL("fail returned");
  } catch (const spankey::error& e) {
    CHECK(std::string(e.what()) == "[spankey.shape.101] stage2.conv1: expected C=64, got C=128 in stage2");
    CHECK(e.id() == "shape.101");
    CHECK(e.message() == "expected C=64, got C=128 in stage2");
  }
}

TEST_CASE("fail: every kind of value") {
  CHECK_THROWS_WITH_AS(
      spankey::fail("a.1", "here", 'c', -3, " ", 18446744073709551615ULL, " ", std::uint8_t{200}, " ", 0.5F,
                    " ", -2.25, " ", true, std::string_view("x")),
      "[spankey.a.1] here: c-3 18446744073709551615 200 0.500000 -2.250000 1x", spankey::error);
}

TEST_CASE("fail: without values the line still names id and place") {
  CHECK_THROWS_WITH_AS(spankey::fail("a.1", "here"), "[spankey.a.1] here: ", spankey::error);
}

TEST_CASE("error: is a std::runtime_error") {
  CHECK_THROWS_AS(spankey::fail("a.1", "here", "text"), std::runtime_error);
}

TEST_CASE("fail: what a name from outside holds stays on one line") {
  CHECK_THROWS_WITH_AS(
      spankey::fail("a.1", "two\nlines", "\x1b[31m\r", std::string_view("\0", 1), "\x7f \u00e4"),
      "[spankey.a.1] two\\x0alines: \\x1b[31m\\x0d\\x00\\x7f \u00e4", spankey::error);
}
