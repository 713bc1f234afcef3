#include "spankey/train/observer.hpp"

#include <doctest/doctest.h>

using namespace spankey;

namespace {
struct steps_only {
  void on_step(const step_record&) {}
};
struct counting {
  int steps = 0, epochs = 0;
  void on_step(const step_record&) { ++steps; }
  void on_epoch(const epoch_record&) { ++epochs; }
};
}  // namespace

TEST_CASE("Observer: both records are needed") {
  CHECK(Observer<silent_observer>);
  CHECK(Observer<counting>);
  CHECK_FALSE(Observer<steps_only>);
  CHECK_FALSE(Observer<int>);
}
