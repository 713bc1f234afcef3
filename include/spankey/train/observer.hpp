// What a run tells the outside while it trains. The library never prints: observers do.
// An Observer has on_step(step_record) after every step and on_epoch(epoch_record) after every epoch. One that also has
//   bool on_position(training_position)   after both, between two steps
// can save the run there, and ends it by answering false. On a GPU steps overlap, and no step waits for it: there it is
// asked at the end of an epoch, and earlier where its
//   bool wants_position() const
// said so when a step was begun; that one is waited for.
#pragma once

#include <cstdint>

#include "spankey/core/shape.hpp"

namespace spankey {

/// One training step. Rates are per second of wall time and count training images once, whatever the groups.
struct step_record {
  std::uint64_t epoch = 0, epochs = 0, step = 0, steps_per_epoch = 0;  // step within the epoch, from 0
  double loss = 0, cross_entropy = 0, deny = 0, learning_rate = 0, accuracy = 0, gradient_norm = 0;
  double images_per_second = 0;
  bool skipped = false;  // there was no update: train/nonfinite.hpp
};

/// One epoch: means over the images of its steps that were not skipped; at least one was not.
struct epoch_record {
  std::uint64_t epoch = 0, epochs = 0;
  double loss = 0, cross_entropy = 0, deny = 0, learning_rate = 0, accuracy = 0;
  double seconds = 0, images_per_second = 0;
  std::uint64_t skipped = 0;  // steps without an update
};

template <class O>
concept Observer = requires(O& observer, const step_record& step, const epoch_record& epoch) {
  observer.on_step(step);
  observer.on_epoch(epoch);
};

/// For runs that nobody watches.
struct silent_observer {
  void on_step(const step_record&) {}
  void on_epoch(const epoch_record&) {}
};

}  // namespace spankey
