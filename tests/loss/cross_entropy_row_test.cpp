#include "spankey/loss/cross_entropy_row.hpp"

#include <doctest/doctest.h>

#include <cmath>

using namespace spankey;

TEST_CASE("positive_part: NaN is not hidden") {
  CHECK(positive_part(2.5) == 2.5);
  CHECK(positive_part(0) == 0);
  CHECK(positive_part(-1) == 0);
  CHECK(positive_part(HUGE_VAL) == HUGE_VAL);
  CHECK(std::isnan(positive_part(std::nan(""))));
}
