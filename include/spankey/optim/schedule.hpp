// Learning-rate schedules: pure functions of how far the training is, so that nothing has to be saved.
//   step       lr * factor^(milestones passed); a milestone is a share of the run in (0, 1), by whole epochs
//   cosine     lr * (1 + cos(pi t)) / 2, by steps
//   one_cycle  from lr/25 up to lr over the first 30 %, then down to lr/250,000, cosine pieces
//              (torch's OneCycleLR)
//   constant   lr
#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>
#include <vector>

#include "spankey/core/error.hpp"

namespace spankey {

enum class schedule_kind { constant, step, cosine, one_cycle };

struct schedule {
  schedule_kind kind = schedule_kind::step;
  double learning_rate = 0.1;
  std::vector<double> milestones = {0.5, 0.75};
  double factor = 0.1;

  /// Learning rate of step `step` (from 0) of a run of `epochs` epochs of `steps_per_epoch` steps.
  [[nodiscard]] double at(std::uint64_t step, std::uint64_t epochs, std::uint64_t steps_per_epoch) const {
    const double total = static_cast<double>(epochs * steps_per_epoch);
    switch (kind) {
      case schedule_kind::constant:
        break;
      case schedule_kind::step: {
        const double epoch = static_cast<double>(step / steps_per_epoch);
        double rate = learning_rate;
        for (const double milestone : milestones)  // 0.29 of 100 epochs is 29, not 28.999...
          if (epoch >= std::floor(milestone * static_cast<double>(epochs) + 1e-9)) rate *= factor;
        return rate;
      }
      case schedule_kind::cosine:
        return learning_rate * 0.5 * (1 + std::cos(std::numbers::pi * static_cast<double>(step) / total));
      case schedule_kind::one_cycle: {
        const double peak = 0.3 * total - 1, last = total - 1, now = static_cast<double>(step);
        if (now <= peak) return between(learning_rate / 25, learning_rate, peak > 0 ? now / peak : 1);
        return between(learning_rate, learning_rate / 25e4, last > peak ? (now - peak) / (last - peak) : 1);
      }
    }
    return learning_rate;
  }

 private:
  static double between(double from, double to, double share) {
    return to + (from - to) * 0.5 * (1 + std::cos(std::numbers::pi * share));
  }
};

}  // namespace spankey
