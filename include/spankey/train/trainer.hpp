// Trainer: epochs of [batch -> keys -> stacked forward, loss, backward -> update], with everything planned first.
// A run is a pure function of data, options and initial weights; all memory is taken before the first step.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>
#include <variant>
#include <vector>

#include "spankey/checkpoint/training_state.hpp"
#include "spankey/data/loader.hpp"
#include "spankey/key/sampler.hpp"
#include "spankey/optim/adam.hpp"
#include "spankey/optim/schedule.hpp"
#include "spankey/optim/sgd.hpp"
#include "spankey/train/nonfinite.hpp"
#include "spankey/train/observer.hpp"
#include "spankey/train/site_buffers.hpp"
#include "spankey/train/step.hpp"

namespace spankey {

struct training_options {
  std::uint64_t epochs = 40;
  index_t batch = 128;
  std::uint64_t seed = 0;
  schedule rate{};
  sgd_options optimizer{};
  std::optional<adam_options> adam{};  // instead of SGD; the model then keeps second moments (optim/adam.hpp)
  augmentation augment{.pad = 4, .flip = true};  // {} for a data set of features
  invalid_rule invalid{};                        // one key per batch, where `invalid_mixture` is empty
  std::vector<weighted_rule> invalid_mixture{};  // else one per sample, whose family is drawn from it
  std::uint64_t deny_warmup = 0;                 // epochs
  nonfinite_policy nonfinite = nonfinite_policy::stop;
};

/// Trains `model` with `objective`; the model's arena must hold groups * batch samples.
template <class Model, class Deny, class Data>
class trainer {
  static_assert(Model::outputs > 0);
  using scalar = typename Model::scalar;

 public:
  /// `keys` is null where the model has no sites; it must outlive the trainer, as the model and the data must.
  /// Errors: those of loader, train.101 extents, train.102 outputs, train.103 epochs, train.104 classes,
  /// train.111 and train.112 sites.
  trainer(Model& model, const objective<Deny>& goal, key_space* keys, const Data& data,
          const training_options& options)
      : model_(model),
        goal_(goal),
        keys_(keys),
        options_(options),
        loader_(data, loader_options{options.batch, options.seed, true, options.augment, last_batch::keep}),
        optimizer_(chosen_optimizer(options)),
        x_(static_cast<std::size_t>(goal.groups() * options.batch * Model::input::size)),
        y_(static_cast<std::size_t>(options.batch)),
        valid_(sites(), options.batch),
        invalid_(sites(), options.invalid_mixture.empty() ? 1 : options.batch),
        statistics_(model) {
    require_sites_of<Model>(sites(), "trainer");
    if (extents_of<typename Model::input> != extents(data.sample)) {
      fail("train.101", "trainer", "the data set has C=", data.sample.channels, " H=", data.sample.height,
           " W=", data.sample.width, ", the model expects C=", Model::input::channels,
           " H=", Model::input::height, " W=", Model::input::width);
    }
    const head_outputs has = Model::outputs, needs = Deny::outputs(goal.classes);
    if (!has.same_as(needs)) {
      fail("train.102", "trainer", "this deny mode needs ", needs.softmax, " logits and ",
           needs - needs.softmax, " beside them, the model has ", has.softmax, " and ", has - has.softmax);
    }
    if (data.classes != goal.classes) {
      fail("train.104", "trainer", "the data set has ", data.classes, " classes, the objective ",
           goal.classes);
    }
    if (options.epochs < 1) fail("train.103", "trainer", "expected at least 1 epoch, found ", options.epochs);
  }

  [[nodiscard]] std::uint64_t steps_per_epoch() const {
    return static_cast<std::uint64_t>(loader_.steps_per_epoch());
  }

  /// All epochs; or what is left of them from a position whose state was loaded (checkpoint/training_state.hpp). False
  /// where the observer ended the run. Errors: train.106 a position that this run does not have, train.131 a step that is
  /// not finite, with the model as it was before it, train.132 a state that is not at the end of an epoch.
  template <class Watcher>
  bool run(Watcher& observer, const training_position& from = {}) {
    static_assert(
        Observer<Watcher>,
        "SpanKey: this is not an Observer: needs on_step(step_record) and on_epoch(epoch_record); see "
        "train/observer.hpp");
    if (from.epoch > options_.epochs || from.step >= steps_per_epoch() ||
        from.steps != from.epoch * steps_per_epoch() + from.step || from.updates > from.steps)
      fail("train.106", "trainer", "expected a position in ", options_.epochs, " epochs of ",
           steps_per_epoch(), " steps, found step ", from.step, " of epoch ", from.epoch, " after ",
           from.steps, " steps and ", from.updates, " updates");
    std::visit([&](auto& optimizer) { optimizer.resume(from.updates); }, optimizer_);
    for (training_position at = from; at.epoch < options_.epochs;)
      if (!run_epoch(at, observer)) return false;
    return true;
  }

 private:
  using clock = std::chrono::steady_clock;
  static double seconds_since(clock::time_point start) {
    return std::chrono::duration<double>(clock::now() - start).count();
  }
  static std::variant<sgd, adam> chosen_optimizer(const training_options& options) {
    if (options.adam) return adam(*options.adam);
    return sgd(options.optimizer);
  }
  std::span<const site> sites() const { return keys_ == nullptr ? std::span<const site>() : keys_->sites(); }

  // The rest of an epoch; false where the observer ended the run.
  template <class Watcher>
  bool run_epoch(training_position& at, Watcher& observer) {
    const auto start = clock::now();
    const double before = at.seconds;
    while (true) {
      const step_record record = run_step(at.epoch, at.step);
      if (!record.skipped) {
        const index_t n = loader_.samples_at(static_cast<index_t>(at.step));
        const double images = static_cast<double>(n);
        at.images += static_cast<std::uint64_t>(n);
        at.loss += images * record.loss;
        at.cross_entropy += images * record.cross_entropy;
        at.deny += images * record.deny;
        at.accuracy += images * record.accuracy;
        ++at.updates;
      }
      at.seconds = before + seconds_since(start);
      ++at.steps;
      ++at.step;
      observer.on_step(record);
      if (at.step == steps_per_epoch()) {
        end_epoch(at, record.learning_rate, observer);
        return go_on(at, observer);
      }
      if (!go_on(at, observer)) return false;
    }
  }

  template <class Watcher>
  void end_epoch(training_position& at, double learning_rate, Watcher& observer) {
    if (options_.nonfinite != nonfinite_policy::ignore) require_finite(model_);
    const double images = static_cast<double>(at.images);
    observer.on_epoch(epoch_record{.epoch = at.epoch,
                                   .epochs = options_.epochs,
                                   .loss = at.loss / images,
                                   .cross_entropy = at.cross_entropy / images,
                                   .deny = at.deny / images,
                                   .learning_rate = learning_rate,
                                   .accuracy = at.accuracy / images,
                                   .seconds = at.seconds,
                                   .images_per_second = images / at.seconds});
    at = {.epoch = at.epoch + 1, .steps = at.steps, .updates = at.updates};
  }

  template <class Watcher>
  static bool go_on(const training_position& at, Watcher& observer) {
    if constexpr (requires { observer.on_position(at); }) return observer.on_position(at);
    return true;
  }

  step_record run_step(std::uint64_t epoch, std::uint64_t step) {
    const auto start = clock::now();
    const std::uint64_t global = epoch * steps_per_epoch() + step;
    const index_t n =
        loader_.fill(static_cast<index_t>(epoch), static_cast<index_t>(step), x_.data(), y_.data());
    for (index_t g = 1; g < goal_.groups(); ++g)
      std::copy_n(x_.data(), n * Model::input::size, x_.data() + g * n * Model::input::size);
    draw_keys(global, n);

    objective<Deny> goal = goal_;
    goal.weight = warmed_up(goal_.weight, epoch, options_.deny_warmup);
    const double rate = options_.rate.at(global, options_.epochs, steps_per_epoch());
    const batch_view<const scalar, typename Model::input> x(x_.data(), goal.groups() * n);
    const bool looks = options_.nonfinite != nonfinite_policy::ignore;
    if (looks) statistics_.keep(model_);
    const auto result = compute_gradients(model_, goal, x, y_.data(), bound_);
    const double norm = gradient_norm(model_);
    const bool skipped = looks && !(std::isfinite(result.total) && std::isfinite(norm));
    if (skipped) {
      statistics_.put_back(model_);
      const nonfinite_place place = find_nonfinite(model_, goal, x, bound_, result.total);
      statistics_.put_back(model_);
      if (place.lasts || options_.nonfinite == nonfinite_policy::stop)
        fail("train.131", place.name, "the ", place.what, " is not finite (found ", place.value, ") in step ",
             step, " of epoch ", epoch, ": loss ", result.total, ", gradient norm ", norm, ", learning rate ",
             rate);
    } else {
      std::visit([&](auto& optimizer) { optimizer.step(model_, rate); }, optimizer_);
    }

    return {.epoch = epoch,
            .epochs = options_.epochs,
            .step = step,
            .steps_per_epoch = steps_per_epoch(),
            .loss = result.total,
            .cross_entropy = result.cross_entropy,
            .deny = result.deny,
            .learning_rate = rate,
            .accuracy = static_cast<double>(result.correct) / static_cast<double>(n),
            .gradient_norm = norm,
            .images_per_second = static_cast<double>(n) / seconds_since(start),
            .skipped = skipped};
  }

  // Group 0: a valid key per sample; group 1: one invalid key, or one per sample; group 2: none.
  void draw_keys(std::uint64_t step, index_t n) {
    if (keys_ == nullptr) return;
    keys_->draw_valid({options_.seed, stream::coefficients, step}, n, valid_.outputs());
    valid_.bind(bound_, 0, true);
    if (goal_.groups() < 2) return;
    const random_source source(options_.seed, stream::invalid_keys, step);
    const bool one_per_sample = !options_.invalid_mixture.empty();
    if (one_per_sample) {
      keys_->draw_invalid_mixture(options_.invalid_mixture, source, n, invalid_.outputs());
    } else {
      keys_->draw_invalid(options_.invalid, source, 1, invalid_.outputs());
    }
    invalid_.bind(bound_, 1, one_per_sample);
  }

  Model& model_;
  objective<Deny> goal_;
  key_space* keys_;
  training_options options_;
  loader<Data, scalar> loader_;
  std::variant<sgd, adam> optimizer_;
  std::vector<scalar> x_;
  std::vector<int> y_;
  site_buffers valid_, invalid_;
  kept_statistics<typename Model::master> statistics_;
  model_keys<float, Model::sites.size()> bound_{};
};

}  // namespace spankey
