// A schedule of one's own: training_options::own_rate.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "error_probe.hpp"
#include "spankey/backend/cpu/cpu.hpp"
#include "spankey/data/linear_task.hpp"
#include "spankey/inject/none.hpp"
#include "spankey/model/initialise.hpp"
#include "spankey/model/mlp.hpp"
#include "spankey/train/trainer.hpp"

using namespace spankey;
using doctest::Approx;
using spankey_test::id_of;

namespace {
using perceptron = mlp<5, ungated, backend::cpu, float>;
const objective<no_deny> five{.classes = 5};

struct keeps_steps {
  std::vector<step_record> steps;
  std::vector<epoch_record> epochs;
  void on_step(const step_record& r) { steps.push_back(r); }
  void on_epoch(const epoch_record& r) { epochs.push_back(r); }
};

template <class Watcher>
std::string trained(const training_options& options, Watcher& watcher, const feature_dataset& data) {
  perceptron model;
  const arena memory(model, options.batch);
  initialise(model, 1);
  return id_of([&] { trainer(model, five, nullptr, data, options).run(watcher); });
}
}  // namespace

TEST_CASE("own_rate: is asked for every step, with its place in the run") {
  const feature_dataset data = make_linear_task(20, 1, split::train);
  std::vector<rate_position> asked;
  training_options options{.epochs = 2, .batch = 8, .rate = {.learning_rate = -1}};  // not looked at
  options.own_rate = [&](const rate_position& at) {
    asked.push_back(at);
    return 0.1 / static_cast<double>(at.step + 1);
  };
  keeps_steps seen;
  REQUIRE(trained(options, seen, data) == "no error");
  REQUIRE(asked.size() == 6);
  for (std::size_t i = 0; i < 6; ++i) {
    CHECK(asked[i].step == i);
    CHECK(asked[i].steps == 6);
    CHECK(asked[i].epoch == i / 3);
    CHECK(asked[i].epochs == 2);
    CHECK(seen.steps[i].learning_rate == 0.1 / static_cast<double>(i + 1));
  }
  CHECK(seen.epochs[1].learning_rate == 0.1 / 6);
}

TEST_CASE("own_rate: a rate that is none ends the run before its step") {
  const feature_dataset data = make_linear_task(20, 1, split::train);
  for (const double wrong :
       {-0.1, std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    training_options options{.epochs = 1, .batch = 8};
    options.own_rate = [&](const rate_position& at) { return at.step == 1 ? wrong : 0.1; };
    keeps_steps seen;
    CHECK(trained(options, seen, data) == "train.108");
    CHECK(seen.steps.size() == 1);
  }
}

TEST_CASE("trainer: unreachable milestones are refused before any work") {
  const feature_dataset data = make_linear_task(20, 1, split::train);
  keeps_steps seen;
  CHECK(trained({.epochs = 2, .batch = 8, .rate = {.milestones = {30, 60}}}, seen, data) == "optim.107");
  CHECK(trained({.epochs = 2, .batch = 8, .rate = {.learning_rate = -1}}, seen, data) == "optim.106");
  CHECK(seen.steps.empty());
}

// A learning-rate finder: the rate grows tenfold every 25 steps until the loss is no number, or four times its least.
TEST_CASE("own_rate: a learning-rate finder") {
  const feature_dataset data = make_linear_task(640, 1, split::train);
  struct finder {
    std::vector<step_record> curve;
    double least = std::numeric_limits<double>::infinity();
    void on_step(const step_record& r) { curve.push_back(r), least = std::fmin(least, r.loss); }
    void on_epoch(const epoch_record&) {}
    bool on_position(const training_position&) { return curve.back().loss < 4 * least; }
  } watcher;
  training_options options{.epochs = 10, .batch = 32, .nonfinite = nonfinite_policy::ignore};
  options.own_rate = [](const rate_position& at) {
    return 1e-5 * std::pow(10, static_cast<double>(at.step) / 25);
  };
  REQUIRE(trained(options, watcher, data) == "no error");
  CHECK(watcher.curve.size() > 50);
  CHECK(watcher.curve.size() < 200);  // it stopped by itself
  CHECK(watcher.curve[50].learning_rate == Approx(1e-3));
  CHECK(watcher.least < watcher.curve.front().loss);
}
