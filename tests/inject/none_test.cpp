#include "spankey/inject/none.hpp"

#include <doctest/doctest.h>

using namespace spankey;

TEST_CASE("none: y = x, dx = dy, dk = 0") {
  CHECK(none{}.forward(3.0, 7.0) == 3.0);
  CHECK(none{}.backward(3.0, 7.0, 2.0).dx == 2.0);
  CHECK(none{}.backward(3.0, 7.0, 2.0).dk == 0.0);
  CHECK_FALSE(ungated::sites::contains(0));
}
