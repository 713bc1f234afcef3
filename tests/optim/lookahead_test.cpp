// Averaged weights: the formula, and what is refused. That a run with them resumes bit by bit is in
// tests/checkpoint/training_state_test.cpp.
#include "spankey/optim/lookahead.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "error_probe.hpp"
#include "optim/pair_model.hpp"

using namespace spankey;
using spankey_test::id_of;

TEST_CASE("lookahead: every third update weights meet their average, at last they are it") {
  test::pair_model model;
  keep_average(model);
  const arena memory(model, 1);
  auto& w = model.first.value.data[0];
  w = 1;
  const lookahead averaging({.every = 3, .keep = 0.5});
  averaging.begin(model);
  double average = 1, expected = 1;
  for (std::uint64_t step = 0; step < 7; ++step) {
    w += 8, expected += 8;
    averaging.step(model, step, 7);
    if (step == 2 || step == 5) {
      const double progress = static_cast<double>(step + 1) / 7, keep = 0.5 * progress * progress * progress;
      expected = average = keep * average + (1 - keep) * expected;
    }
    if (step == 6) expected = average;
    CHECK(w == doctest::Approx(expected).epsilon(1e-14));
  }
}

TEST_CASE(
    "lookahead: a frozen parameter stays, an average that nobody planned and options out of range are "
    "refused") {
  test::pair_model model;
  keep_average(model);
  const arena memory(model, 1);
  model.first.value.data[0] = 1;
  model.first.frozen = true;
  const lookahead averaging;
  averaging.step(model, 0, 1);
  CHECK(model.first.value.data[0] == 1);
  test::pair_model bare;
  const arena small(bare, 1);
  CHECK(id_of([&] { averaging.begin(bare); }) == "optim.114");
  CHECK(id_of([] { lookahead({.every = 0}); }) == "optim.113");
  CHECK(id_of([] { lookahead({.keep = 1.5}); }) == "optim.113");
}
