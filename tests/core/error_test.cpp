// The one line of an error: [spankey.<id>] <where>: <message>, values in decimal.
#include "spankey/core/error.hpp"

#include <doctest/doctest.h>

#include <string>

TEST_CASE("fail: one line with id, place and values") {
  const std::string name = "stage2";
  try {
    spankey::fail("shape.101", name + ".conv1", "expected C=", 64, ", got C=", 128L, " in ", name);
    FAIL("fail returned");
  } catch (const spankey::error& e) {
    CHECK(std::string(e.what()) == "[spankey.shape.101] stage2.conv1: expected C=64, got C=128 in stage2");
    CHECK(e.id() == "shape.101");
  }
}

TEST_CASE("fail: without values the line still names id and place") {
  CHECK_THROWS_WITH_AS(spankey::fail("a.1", "here"), "[spankey.a.1] here: ", spankey::error);
}

TEST_CASE("error: is a std::runtime_error") {
  CHECK_THROWS_AS(spankey::fail("a.1", "here", "text"), std::runtime_error);
}
