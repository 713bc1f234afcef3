#include "spankey/inject/additive.hpp"

#include <doctest/doctest.h>

using namespace spankey;

TEST_CASE("additive: y = x + gamma k, dx = dy, dk = gamma dy") {
  CHECK(Injector<additive>);
  constexpr additive policy{2.0F};
  CHECK(policy.forward(3.0, -0.5) == 2.0);
  CHECK(policy.backward(3.0, -0.5, 0.25).dx == 0.25);
  CHECK(policy.backward(3.0, -0.5, 0.25).dk == 0.5);
  CHECK(additive{1}.forward(1.0F, 2.0F) == 3.0F);
  CHECK(additive{0.0F}.forward(1.0, 2.0) == 1.0);
}
