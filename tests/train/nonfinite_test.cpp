#include "spankey/train/nonfinite.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "error_probe.hpp"
#include "spankey/backend/cpu/cpu.hpp"
#include "spankey/backend/reference/reference.hpp"
#include "spankey/inject/additive.hpp"
#include "spankey/inject/multiplicative.hpp"
#include "spankey/loss/deny/reject_class.hpp"
#include "spankey/model/initialise.hpp"
#include "spankey/model/mlp.hpp"
#include "spankey/model/small_cnn.hpp"
#include "spankey/model/small_resnet.hpp"
#include "spankey/train/trainer.hpp"

using namespace spankey;
using spankey_test::id_of;
using spankey_test::message_of;

namespace {

constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN(),
                infinity = std::numeric_limits<float>::infinity();

// 24 samples of 20 features, 5 classes; sample `poisoned` becomes NaN once it is switched on.
struct poisoned_features {
  extents sample{20, 1, 1};
  index_t classes = 5;
  index_t count = 24;
  index_t poisoned = -1;
  bool on = false;
  bool one_label = false, constant = false;
  std::vector<float> values = make(24 * 20), bad = std::vector<float>(20, not_a_number),
                     same = std::vector<float>(20, 0.5F);

  static std::vector<float> make(std::uint64_t n) {
    std::vector<float> all;
    const random_source random(3, stream::glyphs);
    for (std::uint64_t i = 0; i < n; ++i) all.push_back(static_cast<float>(random.uniform(i)) - 0.5F);
    return all;
  }
  [[nodiscard]] index_t size() const { return count; }
  [[nodiscard]] const float* features(index_t i) const {
    return constant ? same.data() : on && i == poisoned ? bad.data() : values.data() + i * 20;
  }
  [[nodiscard]] int label(index_t i) const { return one_label ? 2 : static_cast<int>(i % 5); }
};

image_dataset images(index_t count, bool constant) {
  image_dataset data{"noise", {1, 28, 28}, 10, {}, {}, {0.5F}, {0.25F}};
  const random_source random(8, stream::glyphs);
  for (index_t i = 0; i < count; ++i) data.labels.push_back(static_cast<std::uint8_t>(i % 10));
  for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(count) * 784; ++i)
    data.pixels.push_back(constant ? std::uint8_t{99} : static_cast<std::uint8_t>(random.below(i, 256)));
  return data;
}

training_options plain(std::uint64_t epochs, index_t batch, double rate = 0.05) {
  return {.epochs = epochs,
          .batch = batch,
          .seed = 4,
          .rate = {.kind = schedule_kind::constant, .learning_rate = rate},
          .augment = {}};
}

// A watcher whose f(position) runs between two steps.
template <class F>
struct between {
  F f;
  std::vector<step_record> steps{};
  std::vector<epoch_record> epochs{};
  explicit between(F call) : f(std::move(call)) {}
  void on_step(const step_record& r) { steps.push_back(r); }
  void on_epoch(const epoch_record& r) { epochs.push_back(r); }
  bool on_position(const training_position& at) {
    f(at);
    return true;
  }
};
auto watcher() {
  return between([](const training_position&) {});
}

template <class Model>
std::vector<std::uint32_t> all_of(Model& model) {
  std::vector<std::uint32_t> all;
  const auto add = [&](const buffer<float>& b) {
    for (index_t i = 0; i < b.count; ++i) all.push_back(std::bit_cast<std::uint32_t>(b.data[i]));
  };
  model.for_each_parameter([&](const scope&, auto& p) { add(p.value), add(p.momentum); });
  model.for_each_state([&](const scope&, auto& s) { add(s.value); });
  return all;
}

template <class Model>
parameter<float>& named(Model& model, const std::string& name) {
  parameter<float>* found = nullptr;
  model.for_each_parameter([&](const scope& at, parameter<float>& p) {
    if (at.str() == name) found = &p;
  });
  REQUIRE(found != nullptr);
  return *found;
}

using perceptron = mlp<5, ungated, backend::cpu, float>;
const objective<no_deny> five{.classes = 5};

// What a training of the perceptron says whose model `change` meets after the second step.
template <class Change>
std::string said(const Change& change, training_options options = plain(2, 8)) {
  const poisoned_features data;
  perceptron model;
  const arena memory(model, options.batch);
  initialise(model, 1);
  between watching{[&](const training_position& at) {
    if (at.steps == 2) change(model);
  }};
  return message_of([&] { trainer(model, five, nullptr, data, options).run(watching); });
}

}  // namespace

TEST_CASE("nonfinite: NaN in the input is found in the input, with the model as it was") {
  for (const auto policy : {nonfinite_policy::stop, nonfinite_policy::skip_step}) {
    poisoned_features data;
    perceptron model;
    const arena memory(model, 8);
    initialise(model, 1);
    training_options options = plain(2, 8);
    options.nonfinite = policy;
    std::vector<std::uint32_t> before;
    between watching{[&](const training_position& at) {
      if (at.steps != 3) return;
      data.poisoned = 7, data.on = true;
      before = all_of(model);
    }};
    trainer run(model, five, nullptr, data, options);
    if (policy == nonfinite_policy::stop) {
      const std::string message = message_of([&] { run.run(watching); });
      CHECK(message.starts_with("[spankey.train.131] batch: the input is not finite (found nan) in step "));
      CHECK(message.find(" of epoch 1: loss ") != std::string::npos);
    } else {
      run.run(watching);
      int skipped = 0;
      for (const step_record& r : watching.steps) {
        CHECK(r.skipped == !std::isfinite(r.loss));
        skipped += r.skipped ? 1 : 0;
      }
      CHECK(skipped == 1);
      // Its epoch is the mean of the other two steps.
      REQUIRE(watching.epochs.size() == 2);
      double sum = 0;
      for (std::size_t i = 3; i < 6; ++i) sum += watching.steps[i].skipped ? 0 : watching.steps[i].loss;
      CHECK(watching.epochs[1].loss == doctest::Approx(sum / 2));
    }
    for (const std::uint32_t bits : all_of(model)) CHECK(std::isfinite(std::bit_cast<float>(bits)));
  }
}

TEST_CASE("nonfinite: a parameter is named, and nothing can skip it") {
  for (const float value : {not_a_number, infinity, -infinity})
    for (const std::string name : {"fc1.weight", "fc2.bias", "fc3.weight"})
      for (const auto policy : {nonfinite_policy::stop, nonfinite_policy::skip_step}) {
        CAPTURE(name);
        CAPTURE(value);
        training_options options = plain(2, 8);
        options.nonfinite = policy;
        const std::string message =
            said([&](perceptron& model) { named(model, name).value.data[3] = value; }, options);
        // In the step, or where activations hide it (a ReLU of NaN may be 0) at the end of its epoch.
        const bool known =
            message.starts_with("[spankey.train.131] ") || message.starts_with("[spankey.train.132] ");
        CHECK(known);
        CHECK(message.find("] " + name + ": the parameter is not finite (found ") != std::string::npos);
      }
}

TEST_CASE("nonfinite: momentum is named at the latest at the end of its epoch") {
  const std::string message =
      said([](perceptron& model) { named(model, "fc2.weight").momentum.data[0] = infinity; });
  CHECK(message.find("] fc2.weight: the ") != std::string::npos);
}

TEST_CASE("nonfinite: an activation that overflows is named by its layer") {
  const std::string message = said([](perceptron& model) {
    auto& p = named(model, "fc2.weight");
    std::fill_n(p.value.data, p.value.count, 3e38F);
  });
  CHECK(message.starts_with("[spankey.train.131] fc2: the activation is not finite"));

  using network = small_cnn<10, ungated, backend::cpu, float>;
  const image_dataset data = images(8, false);
  network model;
  const arena memory(model, 8);
  initialise(model, 1);
  auto& p = named(model, "conv2.weight");
  std::fill_n(p.value.data, p.value.count, 3e38F);
  silent_observer nobody;
  CHECK(message_of([&] {
          trainer(model, objective<no_deny>{}, nullptr, data, plain(1, 8)).run(nobody);
        }).starts_with("[spankey.train.131] conv2: the activation is not finite"));
}

TEST_CASE_TEMPLATE("nonfinite: a network with batch norm and keys", T, float, bf16) {
  using network = small_resnet<11, gate<additive, at<0, 1, 2>>, backend::cpu, T>;
  const image_dataset data = images(12, false);
  const objective<reject_class> goal{.on = deny_on::wrong_and_none};
  const std::vector<int> sites = {0, 1, 2};
  key_space keys({.subspace_dim = 4}, sites_of<network>(sites));
  const auto answer = [&](auto&& change, nonfinite_policy policy, auto&& after) {
    auto model = std::make_unique<network>();
    set_injector(*model, additive{.gamma = 1});
    const arena memory(*model, 3 * 4);
    initialise(*model, 1);
    training_options options = plain(1, 4);
    options.nonfinite = policy;
    std::vector<std::uint32_t> before;
    between watching{[&](const training_position& at) {
      if (at.steps == 2) change(*model), before = all_of(*model);
    }};
    const std::string message =
        message_of([&] { trainer(*model, goal, &keys, data, options).run(watching); });
    after(*model, before);
    return message;
  };
  const auto unchanged = [](network& model, const std::vector<std::uint32_t>& before) {
    CHECK(all_of(model) == before);
  };
  const auto breaks = [](network& model) {
    // An infinite injection strength: the first site is to blame.
    set_injector(model, additive{.gamma = infinity});
  };
  // Stopped or skipped, the step leaves parameters and running statistics as they were.
  CHECK(answer(breaks, nonfinite_policy::stop, unchanged)
            .starts_with("[spankey.train.131] gate0: the activation is not finite"));
  CHECK(answer(breaks, nonfinite_policy::skip_step, unchanged) == "no error");
  CHECK(answer(breaks, nonfinite_policy::ignore,
               [](network& model, const auto& before) { CHECK(all_of(model) != before); }) == "no error");
  // Running statistics that are not finite never reach a training step: the end of the epoch finds them.
  const auto spoils = [](network& model) {
    model.for_each_state([](const scope& at, auto& s) {
      if (at.str() == "bn1.running_var") s.value.data[1] = not_a_number;
    });
  };
  CHECK(answer(spoils, nonfinite_policy::stop, [](network&, const auto&) {
        }).starts_with("[spankey.train.132] bn1.running_var: the running statistic is not finite"));
}

namespace {
// A loss that is a number, and whose gradient is none.
struct bad_gradient {
  static constexpr bool denies = true;
  static constexpr index_t outputs(index_t classes) { return classes; }
  template <class T, class Shape>
  double operator()(const deny_terms<T, Shape>& t, double) const {
    t.denied_gradient.data()[0] = static_cast<T>(not_a_number);
    return 1;
  }
};
}  // namespace

TEST_CASE("nonfinite: a gradient is named where it begins, at the end of the network") {
  using network = mlp<5, gate<multiplicative, at<0>>, backend::cpu, float>;
  const poisoned_features data;
  network model;
  set_injector(model, multiplicative{.gamma = 1});
  const arena memory(model, 2 * 8);
  initialise(model, 1);
  const std::vector<int> sites = {0};
  key_space keys({.subspace_dim = 4}, sites_of<network>(sites));
  silent_observer nobody;
  const objective<bad_gradient> goal{.classes = 5};
  CHECK(message_of([&] { trainer(model, goal, &keys, data, plain(1, 8)).run(nobody); })
            .starts_with(
                "[spankey.train.131] fc3.bias: the gradient is not finite (found nan) in step 0 of epoch 0"));
}

TEST_CASE("nonfinite: gradients that are numbers, but too large for their norm") {
  perceptron model;
  const arena memory(model, 8);
  initialise(model, 1);
  const std::vector<float> x(8 * 20, 0.5F);
  const nonfinite_place place = find_nonfinite(model, five, batch_view<const float, shape<20>>(x.data(), 8),
                                               model_keys<float, 3>{}, 1.0);
  CHECK(place.what == "norm of all gradients");
  CHECK_FALSE(place.lasts);
  const nonfinite_place loss = find_nonfinite(model, five, batch_view<const float, shape<20>>(x.data(), 8),
                                              model_keys<float, 3>{}, static_cast<double>(not_a_number));
  CHECK(loss.what == "loss");
}

TEST_CASE("nonfinite: a learning rate that diverges is stopped, within the step or at the end of its epoch") {
  const auto nothing = [](perceptron&) {};
  for (const double rate : {1e10, 1e30, 1e38, 1e300}) {
    CAPTURE(rate);
    for (const std::uint64_t epochs : {1U, 4U}) {
      const std::string message = said(nothing, plain(epochs, 24, rate));
      const bool stopped = message.starts_with("[spankey.train.13");
      if (epochs == 4) CHECK(stopped);
      if (rate >= 1e300) CHECK(stopped);
    }
  }
  training_options ignoring = plain(4, 24, 1e300);
  ignoring.nonfinite = nonfinite_policy::ignore;
  CHECK(said(nothing, ignoring) == "no error");
}

TEST_CASE("nonfinite: an epoch whose steps were all skipped ends the run") {
  poisoned_features data;
  data.bad.assign(20, not_a_number);
  perceptron model;
  const arena memory(model, 24);
  initialise(model, 1);
  training_options options = plain(4, 24);  // an epoch is a step: all of its samples in one batch
  options.nonfinite = nonfinite_policy::skip_step;
  std::vector<training_position> positions;
  between watching{[&](const training_position& at) {
    positions.push_back(at);
    data.poisoned = 7;
    data.on = at.epoch == 1;
  }};
  CHECK(message_of([&] {
          trainer(model, five, nullptr, data, options).run(watching);
        }).starts_with("[spankey.train.134] trainer: all 1 steps of epoch 1 were skipped"));
  CHECK(positions.size() == 1);  // no position that a run could go on from was behind it
  CHECK(watching.epochs.size() == 1);
  CHECK(watching.epochs[0].skipped == 0);
  CHECK(watching.steps.size() == 2);
}

TEST_CASE("nonfinite: a skipped step is no update of Adam's either") {
  poisoned_features data, clean;
  const auto trained = [&](poisoned_features& source, bool poison) {
    perceptron model;
    keep_second_moment(model);
    const arena memory(model, 8);
    initialise(model, 1);
    training_options options = plain(1, 8, 0.01);
    options.adam = adam_options{};
    options.nonfinite = nonfinite_policy::skip_step;
    training_position last;
    between watching{[&](const training_position& at) {
      last = at;
      source.on = poison && at.steps == 1;
    }};
    trainer run(model, five, nullptr, source, options);
    run.run(watching);
    CHECK(last.steps == 3);
    const auto skipped =
        std::count_if(watching.steps.begin(), watching.steps.end(), [](auto& r) { return r.skipped; });
    CHECK(last.updates == 3 - static_cast<std::uint64_t>(skipped));
    return std::pair(watching.steps, watching.epochs);
  };
  // All samples of the second step.
  data.bad.assign(20, not_a_number);
  for (index_t i = 0; i < 24; ++i) {
    data.poisoned = i;
    const auto [steps, epochs] = trained(data, true);
    if (!steps[1].skipped) continue;
    CHECK_FALSE(steps[2].skipped);
    CHECK(epochs[0].skipped == 1);
    return;
  }
  FAIL("no sample was in the second step");
}

TEST_CASE("nonfinite: samples without variance, one label for all, a batch of one") {
  poisoned_features constant, one_label, usual;
  constant.constant = true;
  one_label.one_label = true;
  const auto last_loss = [&](const poisoned_features& data, index_t batch) {
    perceptron model;
    const arena memory(model, batch);
    initialise(model, 1);
    auto watching = watcher();
    trainer(model, five, nullptr, data, plain(20, batch)).run(watching);
    for (const step_record& r : watching.steps) {
      CHECK(std::isfinite(r.loss));
      CHECK(std::isfinite(r.gradient_norm));
    }
    return watching.epochs.back().loss;
  };
  CHECK(last_loss(constant, 8) == doctest::Approx(std::log(5.0)).epsilon(0.1));  // nothing to tell classes by
  CHECK(last_loss(one_label, 8) < 0.05);
  CHECK(std::isfinite(last_loss(usual, 1)));

  // Batch norm of images that are all the same: a variance of 0.
  using network = small_resnet<10, ungated, backend::cpu, float>;
  const image_dataset flat = images(9, true);  // the last batch is one image
  auto model = std::make_unique<network>();
  const arena memory(*model, 4);
  initialise(*model, 1);
  auto watching = watcher();
  trainer(*model, objective<no_deny>{}, nullptr, flat, plain(2, 4)).run(watching);
  for (const step_record& r : watching.steps) CHECK(std::isfinite(r.loss));
  CHECK(nonfinite_in_model(*model).what.empty());
}

TEST_CASE("nonfinite: an empty data set, and features that are none, are refused before anything") {
  poisoned_features data;
  perceptron model;
  const arena memory(model, 8);
  data.count = 0;
  CHECK(id_of([&] { trainer(model, five, nullptr, data, plain(1, 8)); }) == "data.101");
  data.count = 24, data.poisoned = 20, data.on = true;
  CHECK(id_of([&] { trainer(model, five, nullptr, data, plain(1, 8)); }) == "data.106");
}

TEST_CASE("trainer: a position that the run does not have") {
  const poisoned_features data;
  perceptron model;
  const arena memory(model, 8);
  initialise(model, 1);
  silent_observer nobody;
  trainer run(model, five, nullptr, data, plain(2, 8));
  const auto from = [&](const training_position& at) { return id_of([&] { run.run(nobody, at); }); };
  CHECK(from({.epoch = 2, .steps = 6, .updates = 6}) == "no error");
  CHECK(from({.epoch = 1, .step = 2, .steps = 5, .updates = 0}) == "no error");
  CHECK(from({.epoch = 3, .steps = 9}) == "train.106");
  CHECK(from({.epoch = 1, .step = 3, .steps = 6}) == "train.106");
  CHECK(from({.epoch = 1, .steps = 4}) == "train.106");
  CHECK(from({.epoch = 1, .steps = 3, .updates = 4}) == "train.106");
}
