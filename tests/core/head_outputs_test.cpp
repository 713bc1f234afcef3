#include "spankey/core/head_outputs.hpp"

#include <doctest/doctest.h>

using namespace spankey;

TEST_CASE("head_outputs: a number is a head without an auxiliary logit, a head counts all its logits") {
  constexpr head_outputs plain = 10, with_aux(10, aux_logit::reject);
  CHECK(plain.softmax == 10);
  CHECK(plain.aux == aux_logit::none);
  CHECK(plain == 10);
  CHECK(with_aux.softmax == 10);
  CHECK(with_aux == 11);
  CHECK(shape<with_aux>::size == 11);
}

TEST_CASE("head_outputs: a reject class and an auxiliary logit are different heads of equal size") {
  constexpr head_outputs reject_class = 11, with_aux(10, aux_logit::reject);
  CHECK(reject_class == with_aux);  // as numbers
  CHECK_FALSE(reject_class.same_as(with_aux));
  CHECK(reject_class.same_as(11));
  CHECK_FALSE(reject_class.same_as(10));
  CHECK(with_aux.same_as({10, aux_logit::reject}));
}
