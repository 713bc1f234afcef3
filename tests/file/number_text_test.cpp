#include "spankey/file/number_text.hpp"

#include <doctest/doctest.h>

#include <bit>
#include <clocale>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "spankey/core/random.hpp"

using namespace spankey;

namespace {
template <class Number>
std::string by_c_library(Number value) {
  char text[40];
  return {text, write_by_c_library(value, text, sizeof text)};
}
template <class Number>
bool same(Number a, Number b) {
  return a == b ? std::signbit(a) == std::signbit(b) : a != a && b != b;
}
template <class Number>
void check_both_ways(Number value) {
  for (const std::string& text : {std::string(std::string_view(number_text(value))), by_c_library(value)}) {
    CAPTURE(text);
    Number one{}, other{};
    REQUIRE(read_number(text, one));
    REQUIRE(read_by_c_library(text.c_str(), other));
    CHECK(same(one, value));
    CHECK(same(other, value));
  }
}
}  // namespace

TEST_CASE_TEMPLATE("number_text: brings back every number, also by the C library", T, float, double) {
  using limits = std::numeric_limits<T>;
  for (const T v :
       {T(0), -T(0), T(0.1), T(1) / 3, T(-1e-5), T(123456789), limits::max(), limits::lowest(), limits::min(),
        limits::denorm_min(), limits::infinity(), -limits::infinity(), limits::quiet_NaN()})
    check_both_ways(v);
  const random_source random(5, stream::glyphs);
  for (std::uint64_t i = 0; i < 300; ++i) {
    using word = std::conditional_t<sizeof(T) == 8, std::uint64_t, std::uint32_t>;
    const std::uint64_t bits = std::uint64_t{random.bits(2 * i)} << 32 | random.bits(2 * i + 1);
    check_both_ways(std::bit_cast<T>(static_cast<word>(bits)));
  }
}

TEST_CASE("number_text: short, and whole numbers of every size") {
  CHECK(std::string_view(number_text(0.1)) == "0.1");
  CHECK(by_c_library(0.1) == "0.1");
  CHECK(by_c_library(2.5F) == "2.5");
  CHECK(std::string_view(number_text(std::uint64_t(-1))) == "18446744073709551615");
  std::uint64_t large = 0;
  CHECK(read_number("18446744073709551615", large));
  CHECK(large == std::uint64_t(-1));
  CHECK_FALSE(read_number("18446744073709551616", large));
  CHECK_FALSE(read_number("-1", large));
}

TEST_CASE("number_text: what is no number is refused, alike by both") {
  for (const std::string text :
       {"", " 1", "1 ", "+1", "1,5", "0x10", "1e999", "one", "1..5", "\t1", "1e", "--1"}) {
    CAPTURE(text);
    double value = 7;
    CHECK_FALSE(read_number(text, value));
    CHECK_FALSE(read_by_c_library(text.c_str(), value));
    CHECK(value == 7);
  }
}

TEST_CASE("number_text: a locale with a decimal comma changes nothing") {
  const std::string before = std::setlocale(LC_NUMERIC, nullptr);
  bool found = false;
  for (const char* name : {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8"})
    if (!found) found = std::setlocale(LC_NUMERIC, name) != nullptr;
  if (!found) MESSAGE("no locale with a decimal comma is installed");
  CHECK(by_c_library(0.5) == "0.5");
  double value = 0;
  CHECK(read_by_c_library("0.5", value));
  CHECK(value == 0.5);
  std::setlocale(LC_NUMERIC, before.c_str());
}
