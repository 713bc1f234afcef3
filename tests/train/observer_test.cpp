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

TEST_CASE("records start at 0") {
  const step_record step;
  CHECK(step.epoch + step.epochs + step.step + step.steps_per_epoch == 0);
  CHECK(step.loss + step.cross_entropy + step.deny + step.gradient_norm + step.images_per_second == 0);
  const epoch_record epoch;
  CHECK(epoch.epoch + epoch.epochs == 0);
  CHECK(epoch.loss + epoch.accuracy + epoch.seconds == 0);
}
