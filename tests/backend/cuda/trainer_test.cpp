// Training runs on the device: the same numbers and weights as the reference's run, step by step, with a smaller last batch,
// warm-up, keys of every kind, SGD and Adam; two runs end with the same bits; so does one that went on; gate evaluation
// agrees; a reduction sees every gradient.
#include "spankey/train/trainer.hpp"

#include <doctest/doctest.h>

#include <map>

#include "device_tensor.hpp"
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

}  // namespace

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
