// What a program may do wrong with a model, its memory, its gate and its keys: each ends in one error, before a number
// is read or written that is not there.
#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "error_probe.hpp"
#include "file/scratch_directory.hpp"
#include "spankey/backend/cpu/cpu.hpp"
#include "spankey/checkpoint/weights.hpp"
#include "spankey/data/linear_task.hpp"
#include "spankey/infer/make_image.hpp"
#include "spankey/inject/additive.hpp"
#include "spankey/inject/multiplicative.hpp"
#include "spankey/inject/runtime.hpp"
#include "spankey/loss/deny/reject_class.hpp"
#include "spankey/model/initialise.hpp"
#include "spankey/model/mlp.hpp"
#include "spankey/train/evaluate.hpp"
#include "spankey/train/trainer.hpp"

using namespace spankey;
using spankey_test::id_of;
using spankey_test::message_of;

namespace {
using network = mlp<6, gate<multiplicative, at<1, 2>>, backend::cpu, float>;
const objective<reject_class> goal{.classes = 5, .weight = 0.1};  // two groups
const std::vector<int> both = {1, 2};

key_space keys_of(const std::vector<int>& sites) {
  return key_space({.subspace_dim = 4, .seed = 7}, sites_of<network>(sites));
}
feature_dataset samples(index_t n) { return make_linear_task(n, 1, split::train); }

training_options short_run(index_t batch = 8) {
  return {.epochs = 1, .batch = batch, .rate = {.learning_rate = 0.01}};
}

template <class Model>
std::string trained(Model& model, key_space* keys, const training_options& options = short_run()) {
  const feature_dataset data = samples(24);
  silent_observer nobody;
  return id_of([&] { trainer(model, goal, keys, data, options).run(nobody); });
}
template <class Model>
std::string evaluated(Model& model, key_space* keys, index_t batch = 8, bool without_keys = false) {
  const feature_dataset data = samples(24);
  return id_of([&] {
    (void)gate_evaluation(model, keys, data, batch,
                          {.keys = 2, .images_per_key = 8, .without_keys = without_keys})
        .run();
  });
}

// A network as it should be.
struct ready {
  network model;
  std::optional<arena> memory;
  key_space keys = keys_of(both);
  explicit ready(index_t samples = 16) {
    set_injector(model, multiplicative{.gamma = 2});
    memory.emplace(model, samples);
    initialise(model, 1);
  }
};
}  // namespace

TEST_CASE("misuse: nothing is wrong with a network as it should be") {
  ready r;
  CHECK(trained(r.model, &r.keys) == "no error");
  CHECK(evaluated(r.model, &r.keys, 16) == "no error");
}

TEST_CASE("misuse: more samples than the arena was made for") {
  ready r;
  CHECK(trained(r.model, &r.keys, short_run(9)) == "memory.106");  // two groups of nine
  CHECK(evaluated(r.model, &r.keys, 17) == "memory.106");
  CHECK(evaluated(r.model, &r.keys, 17, false) == "memory.106");
  const std::vector<float> x(17 * 20, 0.5F);
  CHECK(message_of([&] {
          r.model.forward(pass{}, {x.data(), 17}, {});
        }) ==
        "[spankey.memory.106] forward: found 17 samples of all groups together, expected at most 16, for "
        "which the "
        "model's arena was made");
  // A shared pass holds one group and stands for all of them.
  CHECK(id_of([&] { r.model.forward({.groups = 2, .shared = true}, {x.data(), 9}, {}); }) == "memory.106");
  const std::vector<int> labels(9, 0);
  CHECK(id_of([&] {
          compute_gradients(r.model, goal, {x.data(), 18}, labels.data(), model_keys<float, 3>{});
        }) == "memory.106");
  CHECK(id_of([&] { (void)r.model.logit_gradient(17); }) == "memory.106");
  // A batch that is larger than the data set needs room for the data set only.
  ready few(24);
  CHECK(evaluated(few.model, &few.keys, 100) == "no error");
}

TEST_CASE("misuse: no arena, two arenas, an arena that is gone") {
  network model;
  set_injector(model, multiplicative{.gamma = 2});
  key_space keys = keys_of(both);
  CHECK(id_of([&] { initialise(model, 1); }) == "memory.105");
  CHECK(trained(model, &keys) == "memory.105");
  CHECK(evaluated(model, &keys) == "memory.105");
  CHECK(id_of([&] { const packed_weights packed(model); }) == "memory.105");
  CHECK(id_of([&] { save_weights(model, "never"); }) == "memory.105");
  CHECK(id_of([&] { (void)infer::make_image<float>(model, 5); }) == "memory.105");

  ready r;
  CHECK(id_of([&] { const arena second(r.model, 100); }) == "memory.103");
  CHECK(trained(r.model, &r.keys) == "no error");  // the first one is still its own
  r.memory.reset();
  CHECK(trained(r.model, &r.keys) == "memory.105");
  CHECK(evaluated(r.model, &r.keys) == "memory.105");
  CHECK(id_of([&] { initialise(r.model, 1); }) == "memory.105");
  r.model.for_each_parameter([](const scope&, parameter<float>& p) { CHECK(p.value.data == nullptr); });
  // Another one may come; what the first one held is gone.
  const arena next(r.model, 16);
  CHECK(trained(r.model, &r.keys) == "memory.107");
  initialise(r.model, 1);
  CHECK(trained(r.model, &r.keys) == "no error");

  for (const index_t none : {index_t{0}, index_t{-1}, index_t{1} << 60})
    CHECK(id_of([&] { const arena memory(model, none); }) == "memory.109");
}

TEST_CASE("misuse: a model that goes before its arena leaves it alone") {
  auto model = std::make_unique<network>();
  const arena memory(*model, 4);
  model.reset();  // the arena's end must not look for it
}

TEST_CASE("misuse: a model stays where it is") {
  static_assert(!std::is_copy_constructible_v<network> && !std::is_move_constructible_v<network>);
  static_assert(!std::is_copy_assignable_v<network> && !std::is_move_assignable_v<network>);
}

TEST_CASE("misuse: parameters that nobody wrote") {
  network model;
  set_injector(model, multiplicative{.gamma = 2});
  const arena memory(model, 16);
  key_space keys = keys_of(both);
  CHECK(trained(model, &keys) == "memory.107");
  CHECK(evaluated(model, &keys) == "memory.107");
  CHECK(id_of([&] { const packed_weights packed(model); }) == "memory.107");
  CHECK(id_of([&] { save_weights(model, "never"); }) == "memory.107");
  CHECK(id_of([&] { (void)infer::make_image<float>(model, 5); }) == "memory.107");
  const std::vector<float> x(20, 0.5F);
  CHECK(id_of([&] { model.forward(pass{}, {x.data(), 1}, {}); }) == "memory.107");
  model.for_each_parameter(
      [](const scope&, parameter<float>& p) { std::fill_n(p.value.data, p.dims.size(), 0.5F); });
  model.planned().mark_written();
  CHECK(trained(model, &keys) == "no error");
}

TEST_CASE("misuse: weights are written while a packed copy of them is in use") {
  ready r;
  {
    const packed_weights packed(r.model);
    CHECK(id_of([&] { initialise(r.model, 2); }) == "memory.108");
    CHECK(evaluated(r.model, &r.keys) == "no error");  // packs once more, and leaves the first alone
    CHECK(id_of([&] { initialise(r.model, 2); }) == "memory.108");
  }
  initialise(r.model, 2);
}

TEST_CASE("misuse: set_injector forgotten") {
  network model;
  const arena memory(model, 16);
  initialise(model, 1);
  key_space keys = keys_of(both);
  CHECK(trained(model, &keys) == "inject.101");
  CHECK(evaluated(model, &keys) == "inject.101");
  CHECK(id_of([&] { (void)infer::make_image<float>(model, 5); }) == "infer.105");
  set_injector(model, multiplicative{});
  CHECK(trained(model, &keys) == "inject.101");

  // A run-time injector that nobody chose takes no key: the keys have no place.
  mlp<6, gate<runtime, at<1, 2>>, backend::cpu, float> chosen;
  const arena more(chosen, 16);
  initialise(chosen, 1);
  CHECK(trained(chosen, &keys) == "train.115");
  CHECK(trained(chosen, nullptr) == "no error");
  set_injector(chosen, runtime{.kind = injector_kind::additive});
  CHECK(trained(chosen, &keys) == "inject.101");
  CHECK(trained(chosen, nullptr) == "train.113");
}

TEST_CASE("misuse: set_gate after the arena, and a site that no gate has") {
  ready r;
  const std::vector<int> one = {1};
  CHECK(id_of([&] { set_gate(r.model, multiplicative{.gamma = 2}, one); }) == "memory.110");
  CHECK(trained(r.model, &r.keys) == "no error");  // it changed nothing

  network model;
  const std::vector<int> outside = {0}, nowhere = {7};
  CHECK(id_of([&] { set_gate(model, multiplicative{.gamma = 2}, outside); }) == "inject.105");
  CHECK(id_of([&] { set_gate(model, multiplicative{.gamma = 2}, nowhere); }) == "inject.105");
  set_gate(model, multiplicative{.gamma = 2}, one);
  const arena memory(model, 16);
  initialise(model, 1);
  CHECK(id_of([&] { set_gate(model, multiplicative{.gamma = 2}, both); }) == "memory.110");
  model.site(2).enabled = true;  // past set_gate
  key_space keys = keys_of(both);
  CHECK(trained(model, &keys) == "inject.104");
}

TEST_CASE("misuse: keys that do not fit the gate") {
  ready r;
  CHECK(trained(r.model, nullptr) == "train.113");
  CHECK(evaluated(r.model, nullptr) == "train.113");
  training_options options = short_run();
  options.without_keys = true;
  CHECK(trained(r.model, nullptr, options) == "no error");
  CHECK(evaluated(r.model, nullptr, 8, true) == "no error");
  CHECK(trained(r.model, &r.keys, options) == "train.113");  // one of both
  CHECK(evaluated(r.model, &r.keys, 8, true) == "train.113");
  for (const int alone : both) {
    key_space some = keys_of({alone});
    CHECK(trained(r.model, &some) == "train.114");
    CHECK(evaluated(r.model, &some) == "train.114");
  }
  key_space elsewhere = keys_of({0}), more = keys_of({0, 1, 2});
  CHECK(trained(r.model, &elsewhere) == "train.114");
  CHECK(trained(r.model, &more) == "train.115");
  CHECK(evaluated(r.model, &more) == "train.115");
}

TEST_CASE("misuse: reading what an evaluation without keys did not find") {
  ready r;
  const feature_dataset data = samples(24);
  const gate_report report = gate_evaluation(r.model, nullptr, data, 8, {.without_keys = true}).run();
  CHECK_FALSE(report.valid_key.has_value());
  CHECK_FALSE(report.valid_key);
  CHECK(id_of([&] { (void)(*report.valid_key)[figure::semantic]; }) == "train.125");
  CHECK(id_of([&] { (void)report.valid_key->images_per_key; }) == "train.125");
  CHECK(report.invalid_keys.empty());
  CHECK(id_of([&] { (void)report.invalid_keys.front(); }) == "train.125");
  CHECK(id_of([&] { (void)report.invalid_keys[0]; }) == "train.125");
}

TEST_CASE("misuse: keys and key gradients of another size than the batch needs") {
  ready r;
  const std::vector<float> x(16 * 20, 0.5F), one(64, 0.1F), eight(8 * 64, 0.1F), short_key(63, 0.1F),
      wide(65, 0.1F);
  std::vector<float> gradient(8 * 64);
  const auto passes = [&](const group_keys<float>& key, std::span<float> to = {}) {
    model_keys<float, 3> keys{};
    keys[1].group[0] = key;
    keys[1].gradient[0] = to;
    return id_of([&] { r.model.forward({.groups = 1, .training = true}, {x.data(), 8}, keys); });
  };
  CHECK(passes({one, 0}, gradient) == "no error");
  CHECK(passes({eight, 64}, gradient) == "no error");
  CHECK(passes({short_key, 0}) == "inject.102");
  CHECK(passes({wide, 0}) == "inject.102");  // of another site
  CHECK(passes({one, 64}) == "inject.102");  // one key where every sample has its own
  CHECK(passes({std::span(eight).first(8 * 64 - 1), 64}) == "inject.102");
  CHECK(passes({eight, 32}) == "inject.102");
  CHECK(passes({one, -64}) == "inject.102");
  CHECK(passes({one, 0}, std::span(gradient).first(8 * 64 - 1)) == "inject.103");
}

TEST_CASE("misuse: a label that the objective does not have") {
  ready r;
  const std::vector<float> x(16 * 20, 0.5F);
  for (const int wrong : {-1, 5, 1 << 20}) {
    std::vector<int> labels(8, 4);
    labels[7] = wrong;  // its logit, and the gradient there, would lie outside of the row
    CHECK(message_of([&] {
            compute_gradients(r.model, goal, {x.data(), 16}, labels.data(), model_keys<float, 3>{});
          }) == "[spankey.train.109] compute_gradients: found label " + std::to_string(wrong) +
                    " of sample 7, expected 0 to 4");
  }
}

TEST_CASE("misuse: backward without the forward pass of the same samples") {
  ready r;
  CHECK(id_of([&] { r.model.backward({.groups = 1, .training = true}, 8); }) == "layer.104");
  const std::vector<float> x(16 * 20, 0.5F);
  r.model.forward({.groups = 1, .training = true}, {x.data(), 8}, {});
  CHECK(id_of([&] { r.model.backward({.groups = 1, .training = true}, 16); }) == "layer.104");
}

TEST_CASE("misuse: weights of another gate") {
  const spankey_test::scratch_directory directory;
  ready r;
  save_weights(r.model, directory / "gated");
  const safetensors_file file = safetensors_file::open(directory / "gated");
  CHECK(file.metadata().at("gate") == "multiplicative gamma=2 sites=1,2");
  const auto loaded = [&](auto& model, const char* name, weights_of gates = weights_of::same_gate) {
    const arena memory(model, 1);
    return message_of([&] { load_weights(model, directory / name, gates); });
  };
  ready same;
  CHECK(message_of([&] { load_weights(same.model, directory / "gated"); }) == "no error");
  mlp<6, gate<additive, at<0>>, backend::cpu, float> other;
  set_injector(other, additive{.gamma = 1});
  CHECK(loaded(other, "gated")
            .ends_with(
                "found weights of the gate \"multiplicative gamma=2 sites=1,2\", the model has \"additive "
                "gamma=1 sites=0\"; expected the same (set_injector and set_gate come before), or "
                "weights_of::any_gate"));
  CHECK(loaded(other, "gated", weights_of::any_gate) == "no error");
  network weaker;
  set_injector(weaker, multiplicative{.gamma = 1});
  CHECK(loaded(weaker, "gated").starts_with("[spankey.weights.105]"));
  mlp<6, ungated, backend::cpu, float> open;
  CHECK(loaded(open, "gated").starts_with("[spankey.weights.105]"));
  // A run-time gate is the gate that it is set to.
  mlp<6, gate<runtime, at<0, 1, 2>>, backend::cpu, float> chosen;
  set_gate(chosen, runtime{injector_kind::multiplicative, 2}, both);
  CHECK(loaded(chosen, "gated") == "no error");
  // Weights without a gate are where training of one can begin.
  const arena memory(open, 1);
  initialise(open, 3);
  save_weights(open, directory / "open");
  network fresh;
  set_injector(fresh, multiplicative{.gamma = 2});
  CHECK(loaded(fresh, "open") == "no error");
}
