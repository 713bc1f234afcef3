// Learning-rate schedules: pure functions of how far the training is, so that nothing has to be saved.
//   step       lr * factor^(milestones passed); a milestone is the epoch (from 0) that begins with a smaller rate: from 1
//              on a number of epochs, below 1 a share of the run, whose epoch is rounded down
//   cosine     lr * (1 + cos(pi t)) / 2, by steps
//   linear     lr * (1 - t), by steps
//   one_cycle  from lr/25 up to lr over the first 30 %, then down to lr/250,000, cosine pieces
//              (torch's OneCycleLR)
//   constant   lr
// With a warm-up, the first share of the steps rises evenly to the rate of the schedule; cosine and linear then fall over the
// rest of them. Both end at `last` times lr.
// A run begins with lr and falls at most once at the start of an epoch: in a run of so few epochs that a share comes to
// epoch 0 it is not reached, and shares that come to the same epoch count once.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <string_view>
#include <vector>

#include "spankey/core/error.hpp"
#include "spankey/core/finite.hpp"

namespace spankey {

enum class schedule_kind { constant, step, cosine, linear, one_cycle };

struct schedule {
  schedule_kind kind = schedule_kind::step;
  double learning_rate = 0.1;
  std::vector<double> milestones = {0.5, 0.75};
  double factor = 0.1;
  double warm_up = 0;  // share of the run's steps; not of one_cycle, which has its own
  double last = 0;     // where cosine and linear end, as a share of learning_rate

  /// The epoch that a milestone stands for, before it is rounded down.
  static double epochs_of(double milestone, std::uint64_t epochs) {
    return milestone < 1 ? milestone * static_cast<double>(epochs) : milestone;
  }

  /// Learning rate of step `step` (from 0) of a run of `epochs` epochs of `steps_per_epoch` steps.
  [[nodiscard]] double at(std::uint64_t step, std::uint64_t epochs, std::uint64_t steps_per_epoch) const {
    const double total = static_cast<double>(epochs * steps_per_epoch), rises = warm_up * total,
                 now = static_cast<double>(step);
    const double risen = now + 1 < rises ? (now + 1) / rises : 1;
    const double done = std::max(0.0, now - rises), fall = total - rises;  // steps
    switch (kind) {
      case schedule_kind::constant:
        break;
      case schedule_kind::step: {
        const double epoch = static_cast<double>(step / steps_per_epoch);
        double rate = learning_rate, fell = 0;
        for (const double milestone : milestones) {  // 0.29 of 100 epochs is 29, not 28.999...
          const double falls = std::floor(epochs_of(milestone, epochs) + 1e-9);
          if (falls > fell && epoch >= falls) rate *= factor, fell = falls;
        }
        return risen * rate;
      }
      case schedule_kind::cosine:
        return risen * ends_at(0.5 * (1 + std::cos(std::numbers::pi * done / fall)));
      case schedule_kind::linear:
        return risen * ends_at(1 - done / fall);
      case schedule_kind::one_cycle: {
        const double peak = 0.3 * total - 1, end = total - 1;
        if (now <= peak) return between(learning_rate / 25, learning_rate, peak > 0 ? now / peak : 1);
        return between(learning_rate, learning_rate / 25e4, end > peak ? (now - peak) / (end - peak) : 1);
      }
    }
    return risen * learning_rate;
  }

 private:
  // From learning_rate, where `share` is 1, down to its last share.
  [[nodiscard]] double ends_at(double share) const {
    return learning_rate * last + learning_rate * (1 - last) * share;
  }
  static double between(double from, double to, double share) {
    return to + (from - to) * 0.5 * (1 + std::cos(std::numbers::pi * share));
  }
};

/// Refuses a schedule that can have no meaning in a run of `epochs` epochs. Errors: optim.106 a rate or factor that is
/// no finite number of at least 0, optim.115 a warm-up or an end that is no share, or a warm-up of one_cycle, optim.107 a
/// milestone that is not above 0, from 1 on no whole number, not before the run's end, or not behind the one before it.
inline void require_schedule(const schedule& rate, std::uint64_t epochs, std::string_view where) {
  const auto require_rate = [&](double found, std::string_view what) {
    if (!is_finite(found) || found < 0)
      fail("optim.106", where, "found ", what, " ", found, ", expected a finite number of at least 0");
  };
  require_rate(rate.learning_rate, "learning rate");
  require_rate(rate.factor, "factor");
  if (!(rate.warm_up >= 0 && rate.warm_up < 1) || !(rate.last >= 0 && rate.last <= 1))
    fail("optim.115", where, "found a warm-up of ", rate.warm_up, " of the run and an end at ", rate.last,
         " of the rate, expected shares: from 0 to below 1, and from 0 to 1");
  if (rate.warm_up > 0 && rate.kind == schedule_kind::one_cycle)
    fail("optim.115", where, "found a warm-up of ", rate.warm_up, " with one_cycle, which has its own");
  if (rate.kind != schedule_kind::step) return;
  double before = 0;
  for (const double milestone : rate.milestones) {
    const double at = schedule::epochs_of(milestone, epochs);
    if (!is_finite(milestone) || milestone <= 0 || (milestone >= 1 && milestone != std::floor(milestone)))
      fail("optim.107", where, "found milestone ", milestone,
           ", expected a share of the run above 0 and below 1, or a whole number of epochs from 1 on");
    if (at >= static_cast<double>(epochs))
      fail("optim.107", where, "found milestone ", milestone, " in a run of ", epochs,
           " epochs, which never gets there; expected a share below 1, or less than ", epochs, " epochs");
    if (at <= before)
      fail("optim.107", where, "found milestone ", milestone, " at epoch ", at, " behind one at epoch ",
           before, ", expected milestones in the order of the run");
    before = at;
  }
}

}  // namespace spankey
