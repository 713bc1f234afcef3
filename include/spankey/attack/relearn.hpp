// What somebody who has the weights, the architecture and n labelled samples makes of a network that is locked, or gated:
// layers are put where the secret acted and trained alone (maps), or a part of the weights is, or everything, or nothing of the weights
// is used (scratch), which is the floor.
//
//   gain G = (attack - floor) / (open - floor)       0: the weights are worth nothing to the attacker, 1: the lock is undone
// Everything is decided in the attacker's favour: of all learning rates, and of the weights before, during and after training,
// those count that are best on the test samples themselves. Batch norms keep their statistics, as the network was handed out, or take
// the attacker's (batch_statistics, attack/recalibrate.hpp), whichever is asked for. Maps may begin at what was estimated without labels
// (attack/estimate_maps.hpp), and may stay rotations, which is all that a plain lock's can be.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "spankey/attack/answer_table.hpp"
#include "spankey/attack/chosen_samples.hpp"
#include "spankey/attack/recalibrate.hpp"
#include "spankey/attack/starting_map.hpp"
#include "spankey/inject/none.hpp"
#include "spankey/loss/deny/mode.hpp"
#include "spankey/model/initialise.hpp"
#include "spankey/model/inserted_layers.hpp"
#include "spankey/model/sized_model.hpp"
#include "spankey/optim/parameter_group.hpp"
#include "spankey/train/trainer.hpp"

namespace spankey {

/// What is trained. A fresh head is drawn as training draws one; norms: scales and shifts of batch norms alone; statistics: nothing is
/// trained, and batch norms see samples without labels.
enum class relearnt : unsigned char {
  maps,
  everything,
  everything_fresh_head,
  head,
  fresh_head,
  norms,
  statistics,
  scratch
};
/// As games call them; NTLBench's names of four are direct-all, initFC-all, direct-FC and initFC-FC.
inline constexpr std::array<std::string_view, 8> relearnt_names = {
    "maps", "everything", "everything, fresh head", "head", "fresh head", "norms", "statistics", "scratch"};

struct relearn_budget {
  index_t samples = 64;         // labelled
  std::uint64_t updates = 500;  // a learning rate
  std::span<const double> rates{};
  batch_statistics statistics = batch_statistics::running;
  std::uint64_t evaluations = 4;  // during each training
  std::uint64_t seed = 0;
  std::span<const starting_map> start{};  // of stitches; those that are not named begin as the identity
  index_t recalibrated = 0;               // unlabelled training samples that batch norms see before; 0: none
  bool orthogonal = false;                // stitches are rotations after every update
  bool norms = false;                     // where maps are learnt, scales and shifts of batch norms are, too
  augmentation augment{};                 // of images, of the floor's as well
};

struct relearn_result {
  double accuracy = 0;  // over the classes, a refusal left out of account
  double rate = 0;
  answer_table answers{};  // of all test samples
};

/// Watches a training whose stitches stay rotations, if they do.
template <class Model>
struct kept_orthogonal {
  Model& model;
  bool orthogonal;

  void on_step(const step_record&) {
    if (orthogonal) make_maps_orthogonal(model);
  }
  void on_epoch(const epoch_record&) {}
};

/// Keeps the best accuracy on the test samples, over the classes, of every `each` epochs.
template <class Model, class Data>
struct best_of_epochs {
  Model& model;
  const Data& test;
  index_t batch;
  std::uint64_t each;
  bool orthogonal = false;
  double best = 0;
  answer_table answers{};

  void on_step(const step_record&) {
    if (orthogonal) make_maps_orthogonal(model);
  }
  void on_epoch(const epoch_record& r) {
    if ((r.epoch + 1) % each == 0) look();
  }
  void look() {
    answer_table found = answers_without_key(model, test, batch);
    if (const double share = found.share(0, figure::masked); share > best || answers.columns == 0)
      best = share, answers = std::move(found);
  }
};

/// Parameters and states of `from` in `to`, which was initialised, by their names; what `from` does not have stays. So do, where
/// numbers were withheld (lock/masked.hpp) and are 0, scales of norms and matrices most of which is missing: from nothing but zeros
/// nothing learns. The head only `with_head`; of one that refuses, the outputs of its classes where `to` has no more.
template <class From, class To>
void copy_known(From& from, To& to, bool with_head = true) {
  const std::string head = std::string(to.layers().back().name.view()) + ".";
  const auto for_each_pair = [&](auto&& for_each_from, auto&& for_each_to, auto&& f) {
    for_each_to([&](const scope& name, auto& target) {
      const std::string wanted = name.str();
      if (!with_head && wanted.starts_with(head)) return;
      for_each_from([&](const scope& found, auto& source) {
        if (found.str() == wanted) f(source, target);
      });
    });
  };
  for_each_pair([&](auto&& f) { from.for_each_parameter(f); }, [&](auto&& f) { to.for_each_parameter(f); },
                [](auto& source, auto& target) {
                  // Numbers of an output stand a row apart: of a head with a refusal, what the target has of it.
                  const auto* const known = source.value.data;
                  const index_t size = target.dims.size(), o = target.dims.o, all = source.dims.o;
                  const bool is_scale = target.fill == initialiser::ones;
                  const bool fresh = is_scale || 2 * std::count(known, known + source.dims.size(), 0) > size;
                  for (index_t i = 0; i < size; ++i) {
                    const auto number = known[i / o * all + i % o];
                    if (!fresh || number != 0) target.value.data[i] = number;
                  }
                });
  for_each_pair(
      [&](auto&& f) { from.for_each_state(f); }, [&](auto&& f) { to.for_each_state(f); },
      [](auto& source, auto& target) { std::copy_n(source.value.data, source.count, target.value.data); });
}

inline training_options training_of(const relearn_budget& budget, index_t batch, std::uint64_t epochs,
                                    double rate) {
  return {.epochs = epochs,
          .batch = batch,
          .seed = budget.seed,
          .rate = {.kind = schedule_kind::cosine, .learning_rate = rate},
          .adam = adam_options{},
          .augment = budget.augment,
          .nonfinite = nonfinite_policy::skip_step,
          .without_keys = true};
}

/// Freezes what is not trained; with `norms` those are, where maps are.
template <class Model>
void train_alone(Model& model, relearnt what, bool norms) {
  if (what == relearnt::everything || what == relearnt::everything_fresh_head || what == relearnt::scratch)
    return;
  std::vector<std::string> free;
  for (const layer_description& d : model.layers()) {
    const bool is_norm = d.kind == layer_kind::batch_norm2d, is_head = d.kind == layer_kind::head;
    if ((is_norm && (what == relearnt::norms || (what == relearnt::maps && norms))) ||
        (is_head && (what == relearnt::head || what == relearnt::fresh_head)))
      free.push_back(std::string(d.name.view()) + ".");
  }
  freeze(model, [&](std::string_view name, const parameter_extents&) {
    return !(what == relearnt::maps && is_inserted(name)) &&
           std::none_of(free.begin(), free.end(),
                        [&](const std::string& own) { return name.starts_with(own); });
  });
}

/// `held` has the weights, `list` its layers, with a head of the classes alone; chosen(d): before which layers a map is put where maps are learnt. `train`
/// is what the attacker's samples are drawn from. Errors: those of training and of data sets, and model.101.
template <class Held, class Chosen, class Data>
relearn_result relearn(Held& held, const layer_list& list, relearnt what, inserted_kind kind,
                       const Chosen& chosen, const Data& train, const Data& test,
                       const relearn_budget& budget) {
  using network = sized_model<none, typename Held::backend_type, typename Held::scalar>;
  const chosen_samples<Data> own(train, budget.samples, budget.seed);
  const index_t batch = std::min<index_t>(budget.samples, 64), evaluated = 250;
  const std::uint64_t steps = static_cast<std::uint64_t>(budget.samples / batch);
  relearn_result best;
  for (const double rate : budget.rates) {
    // Everything may be trained from maps that are known, too: then they are part of it.
    const bool inserts = what == relearnt::maps || (what == relearnt::everything && !budget.start.empty());
    const auto model = std::make_unique<network>(inserts ? with_inserted(list, kind, chosen) : list);
    keep_second_moment(*model);
    const arena memory(*model, std::max(batch, evaluated));
    initialise(*model, budget.seed);
    const bool fresh = what == relearnt::fresh_head || what == relearnt::everything_fresh_head;
    if (what != relearnt::scratch) copy_known(held, *model, !fresh);
    if (inserts) {
      begin_as_identity(*model);
      for (const starting_map& map : budget.start) write_map(*model, map);
    }
    train_alone(*model, what, budget.norms);
    if (what != relearnt::scratch && budget.recalibrated > 0)
      recalibrate(*model, train, {.samples = budget.recalibrated});
    const objective<no_deny> goal{
        .classes = train.classes,
        .statistics = what == relearnt::scratch ? batch_statistics::per_group : budget.statistics};
    const std::uint64_t epochs = std::max<std::uint64_t>(1, budget.updates / steps);
    best_of_epochs<network, Data> observer{*model, test, evaluated,
                                           std::max<std::uint64_t>(1, epochs / budget.evaluations),
                                           budget.orthogonal && what == relearnt::maps};
    observer.look();  // nobody has to train
    if (what != relearnt::statistics) {
      trainer run(*model, goal, nullptr, own, training_of(budget, batch, epochs, rate));
      run.run(observer);
    }
    if (observer.best > best.accuracy || best.answers.columns == 0)
      best = {observer.best, rate, std::move(observer.answers)};
  }
  return best;
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
