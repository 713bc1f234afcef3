// One training, whole: a model with its gate, what it minimises, its keys, its memory and its weights, made in the only order
// that is right. The parts are there by themselves, too (train/trainer.hpp); whoever puts them together forgets one.
//
//   training_session<network, sealed> run({.injector = multiplicative{.gamma = 2},
//                                          .goal = {.classes = 10, .weight = 2, .on = deny_on::wrong_and_none},
//                                          .training = {.epochs = 6, .batch = 32, .adam = adam_options{}},
//                                          .keys = {.subspace_dim = 8}});
//   run.train(images);
//   const gate_report gate = run.evaluate(other_images, {.keys = 20});
//   run.save("folder");
// Keys are drawn for every site of the gate; a model without one (ungated) has none. Fresh weights come from the training's
// seed; load() replaces them.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "spankey/checkpoint/key_space_file.hpp"
#include "spankey/checkpoint/weights.hpp"
#include "spankey/model/initialise.hpp"
#include "spankey/model/model.hpp"
#include "spankey/train/evaluate.hpp"
#include "spankey/train/trainer.hpp"

namespace spankey {

template <class Model, class Deny>
struct training_setup {
  typename Model::gate_type::injector injector{};
  objective<Deny> goal{};
  training_options training{};
  key_space_config keys{};
};

template <class Model, class Deny>
class training_session {
  using sites = typename Model::gate_type::sites;
  static constexpr bool gated =
      !std::is_same_v<typename Model::gate_type::injector, none> && !sites::numbers.empty();

 public:
  /// Errors: inject.101 an injector whose strength is not set, memory.101 not as much memory, those of key_space.
  explicit training_session(const training_setup<Model, Deny>& setup)
      : setup_(setup), model_(prepared(setup)), memory_(*model_, setup.goal.groups() * setup.training.batch) {
    initialise(*model_, setup.training.seed);
    if constexpr (gated) keys_.emplace(setup.keys, sites_of<Model>(sites::numbers));
  }

  [[nodiscard]] Model& model() { return *model_; }
  /// Null without a gate.
  [[nodiscard]] key_space* keys() { return keys_ ? &*keys_ : nullptr; }
  [[nodiscard]] const objective<Deny>& goal() const { return setup_.goal; }

  /// All epochs. False where the observer ended the run. Errors: those of trainer.
  template <class Data, class Watcher>
  bool train(const Data& data, Watcher& observer) {
    return trainer(*model_, setup_.goal, keys(), data, setup_.training).run(observer);
  }
  template <class Data>
  void train(const Data& data) {
    silent_observer nobody;
    train(data, nobody);
  }
  /// Errors: those of gate_evaluation.
  template <class Data>
  gate_report evaluate(const Data& data, const evaluation_options& options = {}) {
    return gate_evaluation(*model_, keys(), data, model_->planned().samples(), options).run();
  }

  /// weights.safetensors and, secret, key_space.safetensors; the folder must be there. Errors: those of save_weights and
  /// save_key_space.
  void save(const std::filesystem::path& folder) {
    save_weights(*model_, (folder / "weights.safetensors").string());
    if (keys_) save_key_space(*keys_, (folder / "key_space.safetensors").string());
  }
  /// What save() wrote; both are as before where one of the files cannot be used. Errors: those of load_weights and
  /// load_key_space, train.111 and train.112 keys of another model.
  void load(const std::filesystem::path& folder) {
    std::optional<key_space> loaded;
    if constexpr (gated) {
      const std::string file = (folder / "key_space.safetensors").string();
      loaded.emplace(load_key_space(file));
      require_sites_of<Model>(loaded->sites(), file);
    }
    load_weights(*model_, (folder / "weights.safetensors").string());
    keys_ = std::move(loaded);
  }

 private:
  static std::unique_ptr<Model> prepared(const training_setup<Model, Deny>& setup) {
    auto model = std::make_unique<Model>();
    if constexpr (gated) {
      if constexpr (requires { setup.injector.is_set(); }) {
        if (!setup.injector.is_set())
          fail("inject.101", "training_session",
               "found an injector whose strength nobody set (gamma 0 leaves x as it is); expected .injector");
      }
      set_injector(*model, setup.injector);
    }
    if (setup.training.adam) keep_second_moment(*model);
    if (setup.training.average) keep_average(*model);
    return model;
  }

  training_setup<Model, Deny> setup_;
  std::unique_ptr<Model> model_;
  arena memory_;
  std::optional<key_space> keys_;
};

}  // namespace spankey
