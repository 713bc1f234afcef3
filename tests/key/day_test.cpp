#include "spankey/key/day.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using namespace spankey;

namespace {

std::string text(day_number day) {
  const auto letters = text_of_day(day);
  return {letters.data(), letters.size()};
}

}  // namespace

TEST_CASE("days: known ones, and every day of 8000 years after the one before it") {
  static_assert(day_of(1970, 1, 1) == 0 && day_of(2000, 3, 1) == 11017 && day_of(9999, 12, 31) == last_day);
  CHECK(text(20849) == "2027-01-31");
  CHECK(text(11016) == "2000-02-29");
  std::string before = "1970-01-01";
  bool ascending = true, alike = true;
  for (day_number day = 1; day <= last_day; ++day) {
    const std::string now = text(day);
    ascending = ascending && before < now;  // texts of days sort as the days do
    alike = alike && day_in(now) == day;
    before = now;
  }
  CHECK(ascending);
  CHECK(alike);
  CHECK(before == "9999-12-31");
}

TEST_CASE("days: what is none") {
  for (const std::string_view wrong :
       {"", "2027-1-31", "2027-02-29", "2027-02-31", "2027-13-01", "2027-00-10", "2027-01-00", "1969-12-31",
        "1970-01-01", "2027/01/31", "2027-01-31 ", "31-01-2027", "+027-01-31", "20270131"})
    CHECK_FALSE(day_in(wrong));
}
