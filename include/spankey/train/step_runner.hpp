// The work of a trainer's step: a batch and its keys in, gradients, their norm and an update, a few numbers out.
//
//   begin(plan, fill)   fill(x, y) writes the batch and returns its size; then all of the step is under way
//   finish()            the numbers of the oldest step that was begun and not finished
//   resume(updates)     before the first step: updates of the optimizer that the model has seen
// Here everything happens in begin(), on the host. Where a model's memory is not the host's, the other specialisation
// (train/device_step_runner.hpp) keeps a step under way while the next batch is made: `ahead` steps may be unfinished.
// Group 0 of a batch has a valid key per sample; group 1 one invalid key, or one per sample; group 2 none.
#pragma once

#include <algorithm>
#include <optional>
#include <variant>
#include <vector>

#include "spankey/core/finite.hpp"
#include "spankey/optim/adam.hpp"
#include "spankey/optim/muon.hpp"
#include "spankey/optim/sgd.hpp"
#include "spankey/train/nonfinite.hpp"
#include "spankey/train/site_buffers.hpp"
#include "spankey/train/step.hpp"
#include "spankey/train/training_options.hpp"

namespace spankey {

/// What differs from step to step.
struct step_plan {
  std::uint64_t number = 0;  // of all `steps` of the run, from 0
  std::uint64_t steps = 0;
  double deny_weight = 0, learning_rate = 0;
};

/// What a step came to.
struct step_outcome {
  double cross_entropy = 0, deny = 0, total = 0, gradient_norm = 0;
  index_t correct = 0;
  std::optional<nonfinite_place> nonfinite;  // where the policy is to look for it
};

/// Samples a group that a trainer's model sees at a time.
inline index_t batch_of_part(const training_options& options) {
  return options.part != nullptr ? options.batch / options.part->parts() : options.batch;
}

/// Sites of a key space, or none.
inline std::span<const site> sites_or_none(const key_space* keys) {
  return keys == nullptr ? std::span<const site>() : keys->sites();
}

/// Draws the invalid keys of a step: one, or n where they come from a mixture.
inline void draw_step_invalid(key_space& keys, const training_options& options, std::uint64_t step, index_t n,
                              std::span<float* const> invalid) {
  const random_source source(options.seed, stream::invalid_keys, step);
  if (options.invalid_mixture.empty()) {
    keys.draw_invalid(options.invalid, source, 1, invalid);
  } else {
    keys.draw_invalid_mixture(options.invalid_mixture, source, n, invalid);
  }
}

/// The optimizer that the options name.
class chosen_optimizer {
 public:
  explicit chosen_optimizer(const training_options& options) : optimizer_(made(options)) {}
  template <class Model>
  void step(Model& model, double rate) {
    std::visit([&](auto& optimizer) { optimizer.step(model, rate); }, optimizer_);
  }
  [[nodiscard]] std::uint64_t steps() const {
    return std::visit([](const auto& optimizer) { return optimizer.steps(); }, optimizer_);
  }
  void resume(std::uint64_t steps) {
    std::visit([&](auto& optimizer) { optimizer.resume(steps); }, optimizer_);
  }

 private:
  static std::variant<sgd, adam, muon> made(const training_options& options) {
    if (options.muon) return muon(*options.muon);
    if (options.adam) return adam(*options.adam);
    return sgd(options.optimizer);
  }
  std::variant<sgd, adam, muon> optimizer_;
};

template <class Model, class Deny, bool OnHost = memory_of_model<Model>::on_host>
class step_runner {
  static_assert(OnHost, "SpanKey: training on backend::cuda needs the header spankey/cuda.hpp");
};

template <class Model, class Deny>
class step_runner<Model, Deny, true> {
  using scalar = typename Model::scalar;

 public:
  static constexpr std::size_t ahead = 0;

  step_runner(Model& model, const objective<Deny>& goal, key_space* keys, const training_options& options)
      : model_(model),
        goal_(goal),
        keys_(keys),
        options_(options),
        optimizer_(options),
        average_(options.average ? std::optional(lookahead(*options.average)) : std::nullopt),
        x_(static_cast<std::size_t>(goal.groups() * batch_of_part(options) * model.input_extents().size())),
        y_(static_cast<std::size_t>(batch_of_part(options) * model.answers())),
        valid_(sites_or_none(keys), options.batch),
        invalid_(sites_or_none(keys), options.invalid_mixture.empty() ? 1 : options.batch),
        statistics_(model),
        bound_(model.site_shapes().size()) {
    if (options.part != nullptr) sum_.emplace(model, *options.part);
  }

  void resume(std::uint64_t updates) {
    optimizer_.resume(updates);
    if (average_ && updates == 0) average_->begin(model_);
  }

  template <class Fill>
  void begin(const step_plan& plan, const Fill& fill) {
    const index_t n = fill(x_.data(), y_.data());
    const index_t size = model_.input_extents().size();
    for (index_t g = 1; g < goal_.groups(); ++g) std::copy_n(x_.data(), n * size, x_.data() + g * n * size);
    draw_keys(plan.number, n);
    objective<Deny> goal = goal_;
    goal.weight = plan.deny_weight;
    goal.seed = options_.seed, goal.step = plan.number;
    goal.across = options_.part, goal.first_sample = first_of_part(n);
    goal.watch = sum_ ? &*sum_ : nullptr;
    const samples_view<Model> x(x_.data(), goal.groups() * n, size);
    const bool looks = options_.nonfinite != nonfinite_policy::ignore;
    if (looks) statistics_.keep(model_);
    const auto result = compute_gradients(model_, goal, x, y_.data(), bound_);
    outcome_ = {result.cross_entropy, result.deny, result.total, 0, result.correct, {}};
    if (sum_) sum_->finish();
    if (options_.reduce_gradients) reduce_gradients(model_, options_.reduce_gradients);
    outcome_.gradient_norm = gradient_norm(model_);
    if (!looks || (is_finite(result.total) && is_finite(outcome_.gradient_norm))) {
      if (options_.clip_norm > 0) clip_gradients(model_, outcome_.gradient_norm, options_.clip_norm);
      optimizer_.step(model_, plan.learning_rate);
      if (average_) average_->step(model_, plan.number, plan.steps);
      return;
    }
    statistics_.put_back(model_);
    goal.across = nullptr, goal.watch = nullptr;  // a part that finds it stops looking
    outcome_.nonfinite = find_nonfinite(model_, goal, x, bound_, result.total);
    statistics_.put_back(model_);
    if (options_.part != nullptr) {
      const std::span<double> lasts = options_.part->room(1);
      lasts[0] = outcome_.nonfinite->lasts ? 1 : 0;
      options_.part->add(lasts);
      outcome_.nonfinite->lasts = lasts[0] > 0;
    }
  }
  step_outcome finish() { return outcome_; }

 private:
  // Of a part of n samples: the keys of the whole batch, whose part it then reads.
  void draw_keys(std::uint64_t step, index_t n) {
    if (keys_ == nullptr) return;
    const index_t all = n * (options_.part != nullptr ? options_.part->parts() : 1);
    keys_->draw_valid({options_.seed, stream::coefficients, step}, all, valid_.outputs());
    valid_.bind(bound_, 0, true, first_of_part(n));
    if (goal_.groups() < 2) return;
    draw_step_invalid(*keys_, options_, step, all, invalid_.outputs());
    invalid_.bind(bound_, 1, !options_.invalid_mixture.empty(), first_of_part(n));
  }
  [[nodiscard]] index_t first_of_part(index_t n) const {
    return options_.part != nullptr ? n * options_.part->number() : 0;
  }

  Model& model_;
  objective<Deny> goal_;
  key_space* keys_;
  training_options options_;
  chosen_optimizer optimizer_;
  std::optional<lookahead> average_;
  std::vector<scalar> x_;
  std::vector<int> y_;
  site_buffers valid_, invalid_;
  kept_statistics<typename Model::master> statistics_;
  std::optional<gradient_sum<Model>> sum_;
  std::vector<site_keys<float>> bound_;
  step_outcome outcome_;
};

}  // namespace spankey
