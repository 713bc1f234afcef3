// Training runs on the device: the same numbers and weights as the reference's run, step by step, with a smaller last batch,
// warm-up, keys of every kind, SGD and Adam; two runs end with the same bits; so does one that stopped at any step and went on
// from its file; gate evaluation agrees; a reduction sees every gradient; what is not finite ends the run, and is not skipped.
#include "spankey/train/trainer.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <map>

#include "device_tensor.hpp"
#include "error_probe.hpp"
#include "file/scratch_directory.hpp"
#include "spankey/backend/reference/reference.hpp"
#include "spankey/cuda.hpp"
#include "spankey/data/linear_task.hpp"
#include "spankey/inject/multiplicative.hpp"
#include "spankey/loss/deny/sealed.hpp"
#include "spankey/model/initialise.hpp"
#include "spankey/model/mlp.hpp"
#include "spankey/train/evaluate.hpp"

namespace {

using namespace spankey;

template <class Backend, class T = float>
using network = mlp<sealed::outputs(5), gate<multiplicative, at<0, 1, 2>>, Backend, T>;

struct recorder {
  std::vector<step_record> steps;
  std::vector<epoch_record> epochs;
  void on_step(const step_record& r) { steps.push_back(r); }
  void on_epoch(const epoch_record& r) { epochs.push_back(r); }
};

struct outcome {
  recorder seen;
  std::map<std::string, std::vector<float>> weights;
  gate_report gate;
};

training_options options_of(bool use_adam, bool mixture) {
  training_options o{
      .epochs = 3, .batch = 16, .seed = 4, .rate = {.learning_rate = 0.02}, .augment = {}, .deny_warmup = 2};
  if (use_adam) o.adam = adam_options{.weight_decay = 0.01, .decoupled = true};
  if (mixture)
    o.invalid_mixture = {
        {invalid_family::gaussian, 1}, {invalid_family::permuted, 1}, {invalid_family::angle, 1}};
  return o;
}

template <class Backend, class T = float>
outcome train(const training_options& o, bool deny_none = true) {
  const auto data = make_linear_task(56, 1, split::train), test = make_linear_task(40, 1, split::test);
  network<Backend, T> model;
  set_injector(model, multiplicative{.gamma = 0.5F});
  if (o.adam) keep_second_moment(model);
  key_space keys({.subspace_dim = 4, .per_site_key = true, .seed = 7},
                 sites_of<network<Backend, T>>(std::vector<int>{0, 1, 2}));
  const objective<sealed> goal{
      .classes = 5, .weight = 0.4, .on = deny_none ? deny_on::wrong_and_none : deny_on::wrong, .deny = {}};
  const arena memory(model, goal.groups() * o.batch);
  initialise(model, o.seed);
  outcome found;
  trainer(model, goal, &keys, data, o).run(found.seen);
  model.for_each_parameter([&](const scope& at, auto& p) {
    found.weights[at.str()] = memory_of<Backend>::read(p.value.data, p.dims.size(), [&](const float* v) {
      return std::vector<float>(v, v + p.dims.size());
    });
  });
  found.gate = gate_evaluation(model, &keys, test, 16, {.keys = 3, .images_per_key = 20}).run();
  return found;
}

void check_agreement(const training_options& o) {
  const outcome found = train<backend::cuda>(o), expected = train<backend::reference>(o);
  REQUIRE(found.seen.steps.size() == 12);  // 56 samples: three batches and a half one
  for (std::size_t i = 0; i < 12; ++i) {
    CAPTURE(i);
    const step_record &f = found.seen.steps[i], &e = expected.seen.steps[i];
    CHECK(f.step == e.step);
    CHECK(f.epoch == e.epoch);
    CHECK(f.learning_rate == e.learning_rate);
    CHECK(f.accuracy == e.accuracy);
    CHECK(f.loss == doctest::Approx(e.loss).epsilon(1e-4));
    CHECK(f.cross_entropy == doctest::Approx(e.cross_entropy).epsilon(1e-4));
    CHECK(f.deny == doctest::Approx(e.deny).epsilon(1e-4));
    CHECK(f.gradient_norm == doctest::Approx(e.gradient_norm).epsilon(1e-4));
    CHECK(f.images_per_second > 0);
  }
  REQUIRE(found.seen.epochs.size() == 3);
  CHECK(found.seen.epochs[2].loss == doctest::Approx(expected.seen.epochs[2].loss).epsilon(1e-4));
  for (const auto& weight : expected.weights) {
    const std::string& name = weight.first;
    CAPTURE(name);
    CHECK(agreement::difference(found.weights.at(name), agreement::widened(weight.second)) < 1e-4);
  }
  for (const figure f : {figure::semantic, figure::masked, figure::reject}) {
    CHECK(found.gate.no_key[f].mean == doctest::Approx(expected.gate.no_key[f].mean));
    CHECK((*found.gate.valid_key)[f].mean == doctest::Approx((*expected.gate.valid_key)[f].mean));
    CHECK(found.gate.invalid_keys[0].summary[f].worst ==
          doctest::Approx(expected.gate.invalid_keys[0].summary[f].worst));
  }
}

// A run on the device that can stop and go on. `asks`: for a position after every step.
template <bool Asks>
struct stops_at : recorder {
  std::uint64_t last = 0;
  std::vector<training_position> positions{};
  bool wants_position() const requires Asks { return true; }
  bool on_position(const training_position& at) {
    positions.push_back(at);
    return at.steps != last;
  }
};

using device_network = network<backend::cuda>;

struct whole_run {
  explicit whole_run(const training_options& o)
      : options(o), data(make_linear_task(56, 1, split::train)), memory((prepare(), model), 48) {
    initialise(model, o.seed);
  }
  template <class Watcher>
  bool run(Watcher& watcher, const training_position& from = {}) {
    const objective<sealed> goal{.classes = 5, .weight = 0.4, .on = deny_on::wrong_and_none, .deny = {}};
    return trainer(model, goal, &keys, data, options).run(watcher, from);
  }
  std::vector<float> state() {
    std::vector<float> all;
    const auto add = [&](const auto& tensor) {
      if (tensor.data == nullptr) return;
      memory_of<backend::cuda>::read(tensor.data, tensor.count,
                                     [&](const float* v) { all.insert(all.end(), v, v + tensor.count); });
    };
    model.for_each_parameter(
        [&](const scope&, auto& p) { add(p.value), add(p.momentum), add(p.second_moment); });
    model.for_each_state([&](const scope&, auto& s) { add(s.value); });
    return all;
  }
  void prepare() {
    set_injector(model, multiplicative{.gamma = 0.5F});
    if (options.adam) keep_second_moment(model);
  }

  training_options options;
  feature_dataset data;
  device_network model;
  key_space keys{{.subspace_dim = 4, .per_site_key = true, .seed = 7},
                 sites_of<device_network>(std::vector<int>{0, 1, 2})};
  arena memory;
};

void check_going_on(const training_options& o, std::uint64_t step) {
  CAPTURE(step);
  const spankey_test::scratch_directory folder;
  const std::string file = folder / "state.safetensors";
  whole_run undisturbed(o), before(o), after(o);
  recorder all;
  CHECK(undisturbed.run(all));

  stops_at<true> first{};
  first.last = step;
  CHECK_FALSE(before.run(first));
  REQUIRE(first.positions.size() == step);
  CHECK(first.steps.size() == step);
  save_training_state(before.model, {first.positions.back(), {}}, file);

  stops_at<true> second{};
  const training_position from = load_training_state(after.model, file).at;
  CHECK(from.steps == step);
  CHECK(after.run(second, from));
  CHECK(after.state() == undisturbed.state());
  REQUIRE(second.steps.size() == 12 - step);
  CHECK(second.steps.back().loss == all.steps.back().loss);
  CHECK(second.epochs.back().loss == all.epochs.back().loss);
  CHECK(second.epochs.front().accuracy == all.epochs[step / 4].accuracy);
}

}  // namespace

TEST_CASE("cuda trainer: a run that stopped at a step and went on from its file ends with the same bits") {
  for (const std::uint64_t step : {1U, 2U, 4U, 7U}) check_going_on(options_of(false, false), step);
  for (const std::uint64_t step : {3U, 8U}) check_going_on(options_of(true, true), step);
}
TEST_CASE("cuda trainer: who does not ask for positions hears of those that cost no waiting") {
  whole_run run(options_of(false, false));
  stops_at<false> seen{};
  seen.last = 8;
  CHECK_FALSE(run.run(seen));
  REQUIRE(seen.positions.size() == 2);
  CHECK(seen.positions[0].steps == 4);
  CHECK(seen.positions[1].epoch == 2);
  CHECK(seen.positions[1].step == 0);
  CHECK(seen.positions[1].updates == 8);
}
TEST_CASE("cuda trainer: a step that is not finite ends the run, or is ignored; it cannot be skipped") {
  training_options o = options_of(false, false);
  o.rate.learning_rate = 1e30;
  recorder seen, all;
  whole_run stopped(o);
  CHECK(spankey_test::id_of([&] { stopped.run(seen); }) == "train.131");
  CHECK(seen.steps.size() < 4);
  for (const step_record& step : seen.steps) CHECK(std::isfinite(step.loss));
  CHECK(spankey_test::id_of([&] { require_finite(stopped.model); }) == "train.132");

  o.nonfinite = nonfinite_policy::ignore;
  CHECK(whole_run(o).run(all));
  CHECK(all.steps.size() == 12);
  CHECK_FALSE(std::isfinite(all.steps.back().loss));

  o.nonfinite = nonfinite_policy::skip_step;
  whole_run refused(o);
  CHECK(spankey_test::id_of([&] { refused.run(all); }) == "train.133");
}

TEST_CASE("cuda trainer: sgd, one invalid key a batch") { check_agreement(options_of(false, false)); }
TEST_CASE("cuda trainer: adam, an invalid key a sample") { check_agreement(options_of(true, true)); }
TEST_CASE("cuda trainer: the same bits every time, in bf16 too") {
  const training_options o = options_of(false, false);
  CHECK(train<backend::cuda>(o).weights == train<backend::cuda>(o).weights);
  CHECK(train<backend::cuda, bf16>(o).weights == train<backend::cuda, bf16>(o).weights);
  CHECK(train<backend::cuda>(o, false).weights != train<backend::cuda>(o).weights);
}
TEST_CASE("cuda trainer: a reduction sees every gradient, before it is used") {
  training_options o = options_of(false, false);
  const auto whole = train<backend::cuda>(o);
  std::size_t calls = 0;
  o.reduce_gradients = [&](std::span<float> gradient) {
    ++calls;
    memory_of<backend::cuda>::zero(gradient.data(), static_cast<index_t>(gradient.size()));
  };
  o.optimizer = {.momentum = 0, .weight_decay = 0, .nesterov = false};
  const auto still = train<backend::cuda>(o);
  CHECK(calls == 6 * (1 + 1 + 3));  // parameters; the first step, the recording, three half batches
  CHECK(still.seen.steps[5].gradient_norm == 0);
  CHECK(still.weights != whole.weights);
}
