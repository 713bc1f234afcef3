// Game 7, fine-tuning: who has the weights and some labelled samples trains them on, without a key, in part or whole (relearnt in
// attack/relearn.hpp). Who has no labels takes statistics anew, or trains everything but the head to be sure of every answer and to
// give all of them (`adaptation`: information maximisation, SHOT, Liang et al., 2020). Of all learning rates, and of the weights before, during and after, those count that are best on the samples
// that decide: an attacker who chooses by samples of his own does no better.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "spankey/attack/chosen_samples.hpp"
#include "spankey/attack/game.hpp"
#include "spankey/attack/key_losses.hpp"
#include "spankey/attack/logit_training.hpp"
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
    bool adapts = true;            // without labels
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
      if (limits.adapts) tell(adapted(target, samples));
    }
  }

 private:
  // The best of all learning rates, before and after.
  template <class Held, class Data>
  attack_point adapted(const training_target<Held, Data>& target, index_t samples) const {
    using network = sized_model<none, typename Held::backend_type, typename Held::scalar>;
    constexpr index_t evaluated = 250;
    const chosen_samples<Data> chosen(target.train, samples, target.seed);
    const held_samples own = hold(chosen, 0, samples);
    attack_point point{.attack = "adaptation",
                       .unit = "samples without labels",
                       .budget = static_cast<double>(samples),
                       .answers = {},
                       .measures = {{"rate", 0}}};
    for (const double rate : limits.rates) {
      const auto model = std::make_unique<network>(target.list);
      keep_second_moment(*model);
      const arena memory(*model, evaluated);
      initialise(*model, target.seed);
      copy_known(target.held, *model);
      const std::string head = std::string(target.list[target.list.size() - 1].name.view()) + ".";
      freeze(*model, [&](std::string_view name, const parameter_extents&) { return name.starts_with(head); });
      best_of_epochs<network, Data> seen{*model, target.test, evaluated, 1};
      seen.look();
      train_by_logits(*model, own, {.updates = limits.updates, .rate = rate, .seed = target.seed},
                      [&](std::span<const index_t> batch, const float* z, float* dz) {
                        const auto n = static_cast<index_t>(batch.size());
                        const index_t classes = target.gate.classes();
                        (void)loss_of_answers(key_loss::information, z, nullptr, n, classes, classes,
                                              {dz, static_cast<std::size_t>(n * classes)});
                      });
      seen.look();
      if (point.answers.columns != 0 && seen.best <= point.answers.share(0, figure::masked)) continue;
      point.answers = std::move(seen.answers);
      point.measures = {{"rate", rate}};
    }
    return point;
  }
};

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
