// Gradients whose norm is too large: clip_gradients and training_options::clip_norm. Costs 3 s to compile.
#include <doctest/doctest.h>

#include <limits>

#include "error_probe.hpp"
#include "pair_model.hpp"
#include "spankey/backend/cpu/cpu.hpp"
#include "spankey/data/linear_task.hpp"
#include "spankey/inject/none.hpp"
#include "spankey/model/initialise.hpp"
#include "spankey/model/mlp.hpp"
#include "spankey/optim/optimizer.hpp"
#include "spankey/train/trainer.hpp"

using namespace spankey;
using doctest::Approx;
using spankey_test::id_of;

TEST_CASE("clip_gradients: all are scaled together, and only where their norm is more") {
  test::pair_model model;
  std::array<double, 2> gradients{3, 4};
  model.first.gradient.data = &gradients[0], model.second.gradient.data = &gradients[1];
  clip_gradients(model, 5, 6);
  CHECK(gradients == std::array<double, 2>{3, 4});
  clip_gradients(model, 5, 1);
  CHECK(gradients[0] == Approx(0.6));
  CHECK(gradients[1] == Approx(0.8));
}

namespace {
struct norms {
  std::vector<double> found;
  void on_step(const step_record& r) { found.push_back(r.gradient_norm); }
  void on_epoch(const epoch_record&) {}
};
}  // namespace

TEST_CASE("trainer: clip_norm bounds what a step of sgd moves, and the record keeps the norm as it was") {
  using perceptron = mlp<5, ungated, backend::cpu, float>;
  const feature_dataset data = make_linear_task(8, 1, split::train);
  const objective<no_deny> five{.classes = 5};
  const auto moved = [&](double clip, norms& watch) {
    perceptron model;
    const arena memory(model, 8);
    initialise(model, 1);
    std::vector<float> before;
    model.for_each_parameter([&](const scope&, auto& p) {
      before.insert(before.end(), p.value.data, p.value.data + p.dims.size());
    });
    training_options options{.epochs = 1,
                             .batch = 8,
                             .rate = {.kind = schedule_kind::constant, .learning_rate = 1},
                             .optimizer = {.momentum = 0, .weight_decay = 0, .nesterov = false}};
    options.clip_norm = clip;
    trainer(model, five, nullptr, data, options).run(watch);
    double squared = 0;
    std::size_t i = 0;
    model.for_each_parameter([&](const scope&, auto& p) {
      for (index_t k = 0; k < p.dims.size(); ++k, ++i) {
        const double d = static_cast<double>(p.value.data[k]) - static_cast<double>(before[i]);
        squared += d * d;
      }
    });
    return std::sqrt(squared);
  };
  norms plain, clipped;
  const double whole = moved(0, plain), most = plain.found.at(0) / 2;
  CHECK(whole == Approx(plain.found[0]).epsilon(1e-4));
  CHECK(moved(most, clipped) == Approx(most).epsilon(1e-4));
  CHECK(clipped.found.at(0) == plain.found[0]);
}

TEST_CASE("trainer: a norm to clip to is a finite number of at least 0") {
  using perceptron = mlp<5, ungated, backend::cpu, float>;
  const feature_dataset data = make_linear_task(8, 1, split::train);
  const objective<no_deny> five{.classes = 5};
  perceptron model;
  for (const double wrong : {-1.0, std::numeric_limits<double>::infinity()}) {
    training_options options{.epochs = 1, .batch = 8};
    options.clip_norm = wrong;
    CHECK(id_of([&] { trainer(model, five, nullptr, data, options); }) == "train.146");
  }
}
