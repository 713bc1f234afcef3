// Trainer: epochs of [batch -> keys -> stacked forward, loss, backward -> update], with everything planned first.
// A run is a pure function of data, options and initial weights; all memory is taken before the first step.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <string>

#include "spankey/checkpoint/training_state.hpp"
#include "spankey/core/finite.hpp"
#include "spankey/data/loader.hpp"
#include "spankey/key/sampler.hpp"
#include "spankey/train/gate_keys.hpp"
#include "spankey/train/observer.hpp"
#include "spankey/train/step_runner.hpp"

namespace spankey {

/// Trains `model` with `objective`; the model's arena must hold groups * batch samples.
template <class Model, class Deny, class Data>
class trainer {
  static_assert(spankey::Model<Model>,
                "SpanKey: this is not a Model: give model_of a list of layers; see model/model.hpp and "
                "examples/05_model_of_your_own.cpp");
  using scalar = typename Model::scalar;

 public:
  /// `keys` is null where the network has no gate; it must outlive the trainer, as the model and the data must.
  /// Errors: those of loader and require_schedule, train.101 extents, train.102 outputs, train.103 epochs, train.104 classes,
  /// train.143 smoothing, train.144 labels a sample, train.145 tokens on a GPU, train.146 a norm to clip to, optim.112 muon, an
  /// average or clipping on a GPU, train.147 batches that parts do not divide, train.148 parts on a GPU, train.111 and train.112 sites, train.133 a policy that the device does not have.
  trainer(Model& model, const objective<Deny>& goal, key_space* keys, const Data& data,
          const training_options& options)
      : goal_(goal),
        options_(options),
        loader_(data, loader_options{options.batch, options.seed, true, options.augment, last_batch::keep}),
        runner_(model, goal, keys, options),
        model_(model),
        keys_(keys) {
    require_sites(model.site_shapes(), sites_or_none(keys), "trainer");
    const extents& input = model.input_extents();
    if (input != extents(data.sample)) {
      fail("train.101", "trainer", "the data set has C=", data.sample.channels, " H=", data.sample.height,
           " W=", data.sample.width, ", the model expects C=", input.channels, " H=", input.height,
           " W=", input.width);
    }
    const head_outputs has = model.head(), needs = goal.deny.outputs(goal.classes);
    // A vocabulary may have numbers that are never an answer.
    const bool fits =
        model.answers_tokens() ? has.softmax >= needs.softmax && has.aux == needs.aux : has.same_as(needs);
    if (!fits) {
      fail("train.102", "trainer", "this deny mode needs ", needs.softmax, " logits and ",
           needs - needs.softmax, " beside them, the model has ", has.softmax, " and ", has - has.softmax);
    }
    if (data.classes != goal.classes) {
      fail("train.104", "trainer", "the data set has ", data.classes, " classes, the objective ",
           goal.classes);
    }
    if (!(goal.smoothing >= 0 && goal.smoothing <= 1))
      fail("train.143", "trainer", "found a label smoothing of ", goal.smoothing, ", expected 0 to 1");
    if (!is_finite(options.clip_norm) || options.clip_norm < 0)
      fail("train.146", "trainer", "found ", options.clip_norm,
           " as the norm that gradients are clipped to, expected a finite number of at least 0");
    if (!memory_of_model<Model>::on_host && (options.muon || options.average || options.clip_norm > 0))
      fail("optim.112", "trainer", "found ",
           options.muon      ? "muon"
           : options.average ? "averaged weights"
                             : "clipped gradients",
           " for a model on a GPU, expected one on the processor");
    if (labels_of(data) != model.answers())
      fail("train.144", "trainer", "the data set has ", labels_of(data), " labels a sample, the model ",
           model.answers(), " answers");
    if (!memory_of_model<Model>::on_host && model.answers_tokens())
      fail("train.145", "trainer", "found a network of tokens on a GPU, expected it on the processor");
    if (options.part != nullptr) require_parts(options.part->parts());
    if (options.epochs < 1) fail("train.103", "trainer", "expected at least 1 epoch, found ", options.epochs);
    if (!options.own_rate) require_schedule(options.rate, options.epochs, "trainer");
  }
  trainer(Model&, const objective<Deny>&, key_space*, const Data&&, const training_options&) = delete;

  [[nodiscard]] std::uint64_t steps_per_epoch() const {
    return static_cast<std::uint64_t>(loader_.steps_per_epoch());
  }

  /// All epochs; or what is left of them from a position whose state was loaded (checkpoint/training_state.hpp). False
  /// where the observer ended the run. Errors: train.106 a position that this run does not have, train.108 a rate of
  /// own_rate that is none, train.131 a step that is not finite, with the model as it was before it (on a GPU after the
  /// step that follows it), train.132 a state that is not at the end of an epoch, train.134 an epoch without any update,
  /// train.111 to train.115 keys that do not fit the gate, memory.105 to memory.107 no memory, or too little of it, or no
  /// weights.
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
    require_keys_of_gate(model_, keys_, options_.without_keys, "trainer");
    const index_t parts = options_.part != nullptr ? options_.part->parts() : 1;
    require_written(model_, goal_.groups() * std::min<index_t>(options_.batch, loader_.size()) / parts,
                    "trainer");
    runner_.resume(from.updates);
    begun_ = finished_ = 0;
    for (training_position at = from; at.epoch < options_.epochs;)
      if (!run_epoch(at, observer)) return false;
    return true;
  }

 private:
  void require_parts(index_t parts) const {
    if (!memory_of_model<Model>::on_host)
      fail("train.148", "trainer",
           "found a part of a batch for a model on a GPU, expected it on the processor");
    const index_t last = loader_.size() % options_.batch;
    if (options_.batch % parts != 0 || last % parts != 0)
      fail("train.147", "trainer", "found batches of ", options_.batch,
           last != 0 ? " and a last one of " : "", last != 0 ? std::to_string(last) : "",
           " samples, expected numbers that ", parts, " parts divide");
  }

  using clock = std::chrono::steady_clock;
  static double seconds_since(clock::time_point start) {
    return std::chrono::duration<double>(clock::now() - start).count();
  }

  // The rest of an epoch; false where the observer ended the run. The model is at a position where no step is under way.
  template <class Watcher>
  bool run_epoch(training_position& at, Watcher& observer) {
    const auto start = clock::now();
    const double before = at.seconds;
    for (std::uint64_t step = at.step;;) {
      begin_step(at.epoch, step++);
      const bool last = step == steps_per_epoch();
      const std::size_t ahead = last || asks_for_position(observer) ? 0 : runner::ahead;
      step_record record;
      while (begun_ - finished_ > ahead) {
        record = finish_step();
        add(record, at);
        at.seconds = before + seconds_since(start);
        observer.on_step(record);
      }
      if (begun_ != finished_) continue;
      if (last) {
        end_epoch(at, record.learning_rate, observer);
        return go_on(at, observer);
      }
      if (!go_on(at, observer)) return false;
    }
  }

  void add(const step_record& record, training_position& at) const {
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
    ++at.steps;
    ++at.step;
  }

  template <class Watcher>
  void end_epoch(training_position& at, double learning_rate, Watcher& observer) {
    if (options_.nonfinite != nonfinite_policy::ignore) require_finite(model_);
    if (at.images == 0)
      fail("train.134", "trainer", "all ", steps_per_epoch(), " steps of epoch ", at.epoch,
           " were skipped: none was finite; expected at least one update in an epoch (learning rate ",
           learning_rate, ")");
    const double images = static_cast<double>(at.images);
    // All steps have as many samples, but for the last one of an epoch.
    const auto batch = static_cast<std::uint64_t>(options_.batch);
    const auto missing = static_cast<std::uint64_t>(loader_.size()) - at.images;
    observer.on_epoch(epoch_record{.epoch = at.epoch,
                                   .epochs = options_.epochs,
                                   .loss = at.loss / images,
                                   .cross_entropy = at.cross_entropy / images,
                                   .deny = at.deny / images,
                                   .learning_rate = learning_rate,
                                   .accuracy = at.accuracy / images,
                                   .seconds = at.seconds,
                                   .images_per_second = images / at.seconds,
                                   .skipped = (missing + batch - 1) / batch});
    at = {.epoch = at.epoch + 1, .steps = at.steps, .updates = at.updates};
  }

  // Where steps overlap, a position costs waiting for all of them.
  template <class Watcher>
  static bool asks_for_position(const Watcher& observer) {
    if constexpr (runner::ahead == 0) return true;
    if constexpr (requires { observer.wants_position(); }) return observer.wants_position();
    return false;
  }
  template <class Watcher>
  static bool go_on(const training_position& at, Watcher& observer) {
    if constexpr (requires { observer.on_position(at); }) return observer.on_position(at);
    return true;
  }

  [[nodiscard]] double rate_of(std::uint64_t step, std::uint64_t epoch) const {
    if (!options_.own_rate) return options_.rate.at(step, options_.epochs, steps_per_epoch());
    const double rate = options_.own_rate({.step = step,
                                           .steps = options_.epochs * steps_per_epoch(),
                                           .epoch = epoch,
                                           .epochs = options_.epochs});
    if (!is_finite(rate) || rate < 0)
      fail("train.108", "own_rate", "found learning rate ", rate, " at step ", step,
           ", expected a finite number of at least 0");
    return rate;
  }

  void begin_step(std::uint64_t epoch, std::uint64_t step) {
    const std::uint64_t global = epoch * steps_per_epoch() + step;
    const double rate = rate_of(global, epoch);
    if (begun_ == finished_) step_start_ = clock::now();
    under_way_[begun_ % under_way_.size()] = {.epoch = epoch,
                                              .epochs = options_.epochs,
                                              .step = step,
                                              .steps_per_epoch = steps_per_epoch(),
                                              .learning_rate = rate};
    runner_.begin({.number = global,
                   .steps = options_.epochs * steps_per_epoch(),
                   .deny_weight = warmed_up(goal_.weight, epoch, options_.deny_warmup),
                   .learning_rate = rate},
                  [&](scalar* x, int* y) {
                    const auto e = static_cast<index_t>(epoch), s = static_cast<index_t>(step);
                    if (options_.part == nullptr) return loader_.fill(e, s, x, y);
                    const index_t n = loader_.samples_at(s) / options_.part->parts();
                    return loader_.fill(e, s, n * options_.part->number(), n, x, y);
                  });
    ++begun_;
  }
  // Rates count from the end of the step before, or from the beginning of this one where nothing was under way.
  step_record finish_step() {
    const step_outcome outcome = runner_.finish();
    step_record record = under_way_[finished_++ % under_way_.size()];
    const double images = static_cast<double>(loader_.samples_at(static_cast<index_t>(record.step)));
    record.loss = outcome.total;
    record.cross_entropy = outcome.cross_entropy;
    record.deny = outcome.deny;
    record.accuracy = static_cast<double>(outcome.correct) / (images * static_cast<double>(model_.answers()));
    record.gradient_norm = outcome.gradient_norm;
    record.skipped = outcome.nonfinite.has_value();
    if (record.skipped && (outcome.nonfinite->lasts || options_.nonfinite == nonfinite_policy::stop))
      fail("train.131", outcome.nonfinite->name, "the ", outcome.nonfinite->what, " is not finite (found ",
           outcome.nonfinite->value, ") in step ", record.step, " of epoch ", record.epoch, ": loss ",
           record.loss, ", gradient norm ", record.gradient_norm, ", learning rate ", record.learning_rate);
    record.images_per_second = images / seconds_since(step_start_);
    step_start_ = clock::now();
    return record;
  }

  using runner = step_runner<Model, Deny>;

  objective<Deny> goal_;
  training_options options_;
  loader<Data, scalar> loader_;
  runner runner_;
  Model& model_;
  key_space* keys_;
  std::array<step_record, runner::ahead + 1> under_way_;
  std::size_t begun_ = 0, finished_ = 0;
  clock::time_point step_start_;
};

/// Of a model with static sizes, too, the network is what trains.
template <class Model, class Deny, class Data>
trainer(Model&, const objective<Deny>&, key_space*, const Data&, const training_options&)
    -> trainer<typename Model::network_type, Deny, Data>;

}  // namespace spankey
