#include "spankey/optim/adam.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <vector>

#include "error_probe.hpp"
#include "optim/pair_model.hpp"

using namespace spankey;
using test::pair_model;

namespace {
using spankey_test::id_of;
using spankey_test::message_of;

const std::vector<double> gradients = {0.5, -0.25, 1.0, 0.125};

// From w = 1; `values` after each gradient, both moments after the last.
void check_trace(const adam_options& options, double learning_rate, const std::vector<double>& values,
                 double first_moment, double second_moment) {
  INFO("weight decay ", options.weight_decay, ", decoupled ", options.decoupled, ", beta1 ", options.beta1);
  pair_model model;
  keep_second_moment(model);
  arena memory(model, 1);
  model.first.value.data[0] = model.second.value.data[0] = 1;
  // The first step must not read what lies there.
  model.first.momentum.data[0] = model.first.second_moment.data[0] = 123;
  adam optimizer(options);
  CHECK(Optimizer<adam, pair_model>);
  for (std::size_t s = 0; s < gradients.size(); ++s) {
    INFO("step ", s);
    CHECK(optimizer.steps() == s);
    model.first.gradient.data[0] = gradients[s];
    model.second.gradient.data[0] = 10 * gradients[s];
    optimizer.step(model, learning_rate);
    CHECK(model.first.value.data[0] == doctest::Approx(values[s]).epsilon(1e-14));
    CHECK(model.first.gradient.data[0] == gradients[s]);
  }
  CHECK(model.first.momentum.data[0] == doctest::Approx(first_moment).epsilon(1e-14));
  CHECK(model.first.second_moment.data[0] == doctest::Approx(second_moment).epsilon(1e-14));
  // Without decay and with next to no epsilon, Adam does not see the scale of gradients.
  if (options.weight_decay == 0 && options.epsilon < 1e-6)
    CHECK(model.second.value.data[0] == doctest::Approx(values.back()).epsilon(1e-7));
}
}  // namespace

// Computed with torch.optim.Adam and torch.optim.AdamW (PyTorch 1.13) in float64.
TEST_CASE("adam: four steps as PyTorch's, with and without decay, coupled and decoupled") {
  const double m = 0.11869999999999999, v = 0.0013262508122500012;
  check_trace({}, 0.1, {0.900000002, 0.8733662987078463, 0.8075551396770898, 0.7476574665001419}, m, v);
  check_trace({.weight_decay = 0.25}, 0.1,
              {0.9000000013333334, 0.8355117270549229, 0.7549502004928261, 0.6779869171697813},
              0.19282276889805638, 0.00211979365595463);
  check_trace({.weight_decay = 0.25, .decoupled = true}, 0.1,
              {0.8750000019999999, 0.8264912986578463, 0.7400178571606436, 0.6616197375546795}, m, v);
  check_trace({.decoupled = true}, 0.1,
              {0.900000002, 0.8733662987078463, 0.8075551396770898, 0.7476574665001419}, m, v);
  check_trace({0.5, 0.75, 0.1, 0.25, false}, 0.05,
              {0.9558823529411764, 0.9353559568672952, 0.8945664743482061, 0.8610580817912185},
              0.5282768801271435, 0.37517327028796854);
  check_trace({0.5, 0.75, 0.1, 0.25, true}, 0.05,
              {0.9458333333333334, 0.9340104166666668, 0.887346946350787, 0.8515892699960543}, 0.3125,
              0.2265625);
}

TEST_CASE("adamw: the defaults of torch.optim.AdamW") {
  CHECK(adamw.beta1 == 0.9);
  CHECK(adamw.beta2 == 0.999);
  CHECK(adamw.epsilon == 1e-8);
  CHECK(adamw.weight_decay == 0.01);
  CHECK(adamw.decoupled);
  CHECK(adam_options{}.weight_decay == 0);
}

TEST_CASE("adam: options out of range are refused") {
  const double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
  const auto with = [](double adam_options::*option, double value) {
    adam_options options;
    options.*option = value;
    return id_of([&] { adam{options}; });
  };
  for (const double wrong : {-0.1, 1.0, 1.5, nan}) {
    CHECK(with(&adam_options::beta1, wrong) == "optim.102");
    CHECK(with(&adam_options::beta2, wrong) == "optim.102");
  }
  for (const double wrong : {-1e-8, inf, nan}) {
    CHECK(with(&adam_options::epsilon, wrong) == "optim.103");
    CHECK(with(&adam_options::weight_decay, wrong) == "optim.104");
  }
  for (const auto option : {&adam_options::beta1, &adam_options::beta2, &adam_options::epsilon})
    CHECK(with(option, 0) == "no error");
}

TEST_CASE("adam: a second moment is memory only where it was asked for, and needed") {
  pair_model plain, moments;
  keep_second_moment(moments);
  CHECK(plan_memory(plain, 1).entries().size() == 6);
  CHECK(plan_memory(moments, 1).entries().size() == 8);

  arena memory(plain, 1);
  plain.first.value.data[0] = 1;
  plain.first.gradient.data[0] = 1;
  adam optimizer;
  const std::string message = message_of([&] { optimizer.step(plain, 0.1); });
  CHECK(message.find("[spankey.optim.105] first: ") == 0);
  CHECK(plain.first.value.data[0] == 1);
  CHECK(optimizer.steps() == 0);
}
