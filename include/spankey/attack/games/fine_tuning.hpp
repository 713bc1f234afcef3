// Game 7, fine-tuning: who has the weights and some labelled samples trains them on, without a key, in part or whole (relearnt in
// attack/relearn.hpp). Of all learning rates, and of the weights before, during and after, those count that are best on the samples
// that decide: an attacker who chooses by samples of his own does no better.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "spankey/attack/game.hpp"
#include "spankey/attack/relearn.hpp"
#include "spankey/attack/training_target.hpp"

namespace spankey {

struct fine_tuning {
  static constexpr int number = 7;
  static constexpr std::string_view title = "fine-tuning";
  static constexpr knowledge knows = knowledge::weights;
  static constexpr bool needs_keys = false;

  struct limits_type {
    std::vector<index_t> samples = {64, 500, 3000};  // labelled; with more than there are: all
    std::vector<relearnt> parts = {relearnt::head,       relearnt::fresh_head,
                                   relearnt::norms,      relearnt::everything,
                                   relearnt::statistics, relearnt::everything_fresh_head};
    std::vector<double> rates = {1e-4, 1e-3, 1e-2};
    std::uint64_t updates = 1000;  // a learning rate
    augmentation augment{};
  } limits;

  [[nodiscard]] static limits_type limits_at(attack_budget b) {
    limits_type l;
    l.samples = at_budget<std::vector<index_t>>(b, {64, 512}, {64, 500, 3000}, {64, 500, 3000, 6000, 60000});
    if (b == attack_budget::quick) l.rates = {1e-3}, l.parts = {relearnt::fresh_head, relearnt::everything};
    l.updates = at_budget<std::uint64_t>(b, 100, 1000, 20000);
    return l;
  }

  /// Errors: those of relearn.
  template <class Held, class Data>
  void play(const training_target<Held, Data>& target, const point_listener& tell) const {
    for (const index_t budget : limits.samples) {
      const index_t samples = std::min<index_t>(budget, target.train.size());
      for (const relearnt part : limits.parts) {
        relearn_result found =
            relearn(target.held, target.list, part, inserted_kind::stitch,
                    [](const layer_description&) { return false; }, target.train, target.test,
                    {.samples = samples,
                     .updates = limits.updates,
                     .rates = part == relearnt::statistics ? std::span(limits.rates).first(1)
                                                           : std::span(limits.rates),
                     .seed = target.seed,
                     .recalibrated = part == relearnt::statistics ? samples : 0,
                     .augment = limits.augment});
        const bool labels = part != relearnt::statistics;
        tell({.attack = std::string(relearnt_names[static_cast<std::size_t>(part)]),
              .unit = labels ? "labelled samples" : "samples without labels",
              .budget = static_cast<double>(samples),
              .answers = std::move(found.answers),
              .measures = {{"rate", found.rate}},
              .labelled = labels ? samples : 0});
      }
    }
  }
};

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
