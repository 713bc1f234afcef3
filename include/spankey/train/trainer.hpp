// Trainer: epochs of [batch -> keys -> stacked forward, loss, backward -> update], with everything planned first.
// A run is a pure function of data, options and initial weights; all memory is taken before the first step.
#pragma once

#include <array>
#include <chrono>

#include "spankey/data/loader.hpp"
#include "spankey/key/sampler.hpp"
#include "spankey/train/observer.hpp"
#include "spankey/train/step_runner.hpp"

namespace spankey {

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
      : goal_(goal),
        options_(options),
        loader_(data, loader_options{options.batch, options.seed, true, options.augment, last_batch::keep}),
        runner_(model, goal, keys, options) {
    require_sites_of<Model>(sites_or_none(keys), "trainer");
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

  /// All epochs; or those from `first` on, of a run whose state before it was loaded (checkpoint/training_state.hpp).
  template <class Watcher>
  void run(Watcher& observer, std::uint64_t first = 0) {
    static_assert(
        Observer<Watcher>,
        "SpanKey: this is not an Observer: needs on_step(step_record) and on_epoch(epoch_record); see "
        "train/observer.hpp");
    runner_.resume(first * steps_per_epoch());
    for (std::uint64_t epoch = first; epoch < options_.epochs; ++epoch) run_epoch(epoch, observer);
  }

 private:
  using clock = std::chrono::steady_clock;
  static double seconds_since(clock::time_point start) {
    return std::chrono::duration<double>(clock::now() - start).count();
  }
  template <class Watcher>
  void run_epoch(std::uint64_t epoch, Watcher& observer) {
    const auto start = clock::now();
    epoch_record total{.epoch = epoch, .epochs = options_.epochs};
    const auto report = [&] {
      const step_record record = finish_step();
      const double images = static_cast<double>(loader_.samples_at(static_cast<index_t>(record.step)));
      total.loss += images * record.loss;
      total.cross_entropy += images * record.cross_entropy;
      total.deny += images * record.deny;
      total.accuracy += images * record.accuracy;
      total.learning_rate = record.learning_rate;
      observer.on_step(record);
    };
    for (std::uint64_t step = 0; step < steps_per_epoch(); ++step) {
      begin_step(epoch, step);
      if (begun_ - finished_ > runner::ahead) report();
    }
    while (begun_ > finished_) report();
    const double images = static_cast<double>(loader_.size());
    for (double* sum : {&total.loss, &total.cross_entropy, &total.deny, &total.accuracy}) *sum /= images;
    total.seconds = seconds_since(start);
    total.images_per_second = images / total.seconds;
    observer.on_epoch(total);
  }

  void begin_step(std::uint64_t epoch, std::uint64_t step) {
    const std::uint64_t global = epoch * steps_per_epoch() + step;
    const double rate = options_.rate.at(global, options_.epochs, steps_per_epoch());
    if (begun_ == finished_) step_start_ = clock::now();
    under_way_[begun_++ % under_way_.size()] = {.epoch = epoch,
                                                .epochs = options_.epochs,
                                                .step = step,
                                                .steps_per_epoch = steps_per_epoch(),
                                                .learning_rate = rate};
    runner_.begin({.number = global,
                   .deny_weight = warmed_up(goal_.weight, epoch, options_.deny_warmup),
                   .learning_rate = rate},
                  [&](scalar* x, int* y) {
                    return loader_.fill(static_cast<index_t>(epoch), static_cast<index_t>(step), x, y);
                  });
  }
  // Rates count from the end of the step before, or from the beginning of this one where nothing was under way.
  step_record finish_step() {
    const step_outcome outcome = runner_.finish();
    step_record record = under_way_[finished_++ % under_way_.size()];
    const double images = static_cast<double>(loader_.samples_at(static_cast<index_t>(record.step)));
    record.loss = outcome.total;
    record.cross_entropy = outcome.cross_entropy;
    record.deny = outcome.deny;
    record.accuracy = static_cast<double>(outcome.correct) / images;
    record.gradient_norm = outcome.gradient_norm;
    record.images_per_second = images / seconds_since(step_start_);
    step_start_ = clock::now();
    return record;
  }

  using runner = step_runner<Model, Deny>;

  objective<Deny> goal_;
  training_options options_;
  loader<Data, scalar> loader_;
  runner runner_;
  std::array<step_record, runner::ahead + 1> under_way_;
  std::size_t begun_ = 0, finished_ = 0;
  clock::time_point step_start_;
};

}  // namespace spankey
