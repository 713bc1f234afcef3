// Tokens and positions, reference, by hand.
#include "spankey/backend/reference/tokens.hpp"

#include <doctest/doctest.h>

#include <vector>

namespace {
using kernels = spankey::tokens_kernels<spankey::backend::reference, double>;
using numbers = std::vector<double>;
}  // namespace

TEST_CASE("reference tokens: class token, positions, and their gradients, which add up") {
  const numbers x{1, 2, 3, 4}, first{10, 20},
      positions{100, 200, 300, 400};  // two samples of one token of two channels
  numbers y(8);
  kernels::forward({2, 2, 2, true}, x.data(), first.data(), positions.data(), y.data());
  CHECK(y == numbers{110, 220, 301, 402, 110, 220, 303, 404});
  const numbers dy{1, 2, 3, 4, 5, 6, 7, 8};
  numbers dfirst{0.5, 0.5}, dpositions(4, 0.5), dx(4, 9);
  kernels::backward({2, 2, 2, true}, dy.data(), dfirst.data(), dpositions.data(), dx.data());
  CHECK(dfirst == numbers{6.5, 8.5});
  CHECK(dpositions == numbers{6.5, 8.5, 10.5, 12.5});
  CHECK(dx == numbers{3, 4, 7, 8});
  kernels::backward({2, 2, 2, true}, dy.data(), nullptr, nullptr, nullptr);
  CHECK(dfirst == numbers{6.5, 8.5});
}

TEST_CASE("reference tokens: without a class token") {
  const numbers x{1, 2, 3, 4}, positions{10, 20};
  numbers y(4), dpositions(2), dx(4);
  kernels::forward({2, 1, 2}, x.data(), nullptr, positions.data(), y.data());
  CHECK(y == numbers{11, 22, 13, 24});
  kernels::backward({2, 1, 2}, x.data(), nullptr, dpositions.data(), dx.data());
  CHECK(dx == x);
  CHECK(dpositions == numbers{4, 6});
}

TEST_CASE("reference tokens: one is taken, its gradient put where it was") {
  const numbers x{1, 2, 3, 4, 5, 6, 7, 8};
  numbers y(4), dx(8, 9);
  kernels::take({2, 2, 2}, 1, x.data(), y.data());
  CHECK(y == numbers{3, 4, 7, 8});
  kernels::put({2, 2, 2}, 1, y.data(), dx.data());
  CHECK(dx == numbers{0, 0, 3, 4, 0, 0, 7, 8});
}
