#include "spankey/optim/muon.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "error_probe.hpp"
#include "spankey/backend/cpu/cpu.hpp"
#include "spankey/backend/reference/reference.hpp"
#include "spankey/layer/layer.hpp"

using namespace spankey;

namespace {
using spankey_test::id_of;

/// A convolution's filters and a bias.
template <class Backend, class T>
struct filter_model {
  using scalar = T;
  using master = T;
  using backend_type = Backend;
  parameter<T> filters, bias{.dims = {.o = 1}};
  template <class F>
  void for_each_parameter(F&& f, const scope& at = {}) {
    f(scope{&at, "weight"}, filters);
    f(scope{&at, "bias"}, bias);
  }
  template <class Visitor>
  void for_each_buffer(Visitor& visit, const scope& at, index_t) {
    for_each_parameter([&](const scope& name, parameter<T>& w) { w.for_each_buffer(visit, name); }, at);
  }
};

// Three steps with gradients cos(0.7 i (s + 1) + s), from weights sin(i + 1), i counting in memory order.
template <class Backend, class T>
std::vector<T> trained(const parameter_extents& dims, const muon_options& options) {
  filter_model<Backend, T> model{.filters = {.dims = dims}};
  arena memory(model, 1);
  for (index_t i = 0; i < dims.size(); ++i) {
    model.filters.value.data[i] = static_cast<T>(std::sin(static_cast<double>(i) + 1));
    model.filters.momentum.data[i] = T(123);  // the first step must not read it
  }
  muon optimizer(options);
  for (int s = 0; s < 3; ++s) {
    for (index_t i = 0; i < dims.size(); ++i)
      model.filters.gradient.data[i] =
          static_cast<T>(std::cos(0.7 * static_cast<double>(i) * (s + 1) + static_cast<double>(s)));
    model.bias.gradient.data[0] = T(1);
    optimizer.step(model, 0.24);
  }
  CHECK(optimizer.steps() == 3);
  return {model.filters.value.data, model.filters.value.data + dims.size()};
}

// Computed by numpy in float64, in PyTorch's order (O, I, H, W), then put into memory order.
const parameter_extents tall{.o = 3, .i = 2, .h = 2, .w = 2, .file_rank = 4};
const std::vector<double> tall_after = {
    0.15830865433488214,  0.5385858512779232,   0.05166445351926279,  -0.3226264256822363,
    -0.4194460165284481,  -0.05137194920605828, 0.5212357931867864,   0.4422199639303501,
    -0.03231076923758986, -0.4464758990101839,  -0.35912421909245723, -0.24352415365845,
    0.2518220815462421,   0.47705393613746566,  0.3918909680968158,   0.05949742202446698,
    -0.5117467093896728,  -0.6173942895014675,  -0.08184791664891253, 0.5253674723366527,
    0.4173910682094366,   0.07778214629294757,  -0.39204914981401584, -0.32341715495133877};
const parameter_extents wide{.o = 5, .i = 1, .h = 1, .w = 2, .file_rank = 4};
const std::vector<double> wide_after = {
    0.6642127176955075,  0.948672515217247,  0.034156091120328774, -0.7944032607363997,  -0.989278731333698,
    -0.2603889040646899, 0.8677411140308484, 0.9804086109158531,   -0.00283115418990168, -0.7003688281582326};

template <class Backend, class T>
void check_traces(double tolerance) {
  const auto check = [&](const std::vector<T>& found, const std::vector<double>& expected) {
    REQUIRE(found.size() == expected.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
      INFO("element ", i);
      CHECK(std::abs(static_cast<double>(found[i]) - expected[i]) < tolerance);
    }
  };
  check(trained<Backend, T>(tall, {}), tall_after);
  check(trained<Backend, T>(wide, {.iterations = 5}), wide_after);
}
}  // namespace

TEST_CASE("muon: three steps of tall and of wide filters, as numpy computes them in float64") {
  check_traces<backend::reference, double>(1e-13);
  check_traces<backend::reference, float>(3e-6);
  check_traces<backend::cpu, float>(3e-6);
}

TEST_CASE("orthogonalise: singular values near 1, a matrix of zeros stays one") {
  constexpr index_t rows = 7, columns = 4;
  muon_scratch<double> scratch;
  scratch.reserve<backend::reference>(rows, columns);
  for (index_t i = 0; i < rows * columns; ++i)
    scratch.update[static_cast<std::size_t>(i)] = std::sin(3.7 * static_cast<double>(i * i) + 1);
  orthogonalise<backend::reference>(rows, columns, 5, scratch);
  const auto& x = scratch.update;
  for (index_t a = 0; a < columns; ++a)
    for (index_t b = 0; b <= a; ++b) {
      double product = 0;
      for (index_t r = 0; r < rows; ++r)
        product +=
            x[static_cast<std::size_t>(r * columns + a)] * x[static_cast<std::size_t>(r * columns + b)];
      INFO("columns ", a, " and ", b);
      if (a == b) {
        CHECK(product > 0.4);
        CHECK(product < 1.6);
      } else {
        CHECK(std::abs(product) < 0.35);
      }
    }
  std::fill(scratch.update.begin(), scratch.update.end(), 0.0);
  orthogonalise<backend::reference>(rows, columns, 5, scratch);
  for (const double value : scratch.update) CHECK(value == 0);
}

TEST_CASE("muon: the rest is SGD's, at the rate of its group, and decays without that rate") {
  filter_model<backend::reference, double> model{.filters = {.dims = wide}};
  arena memory(model, 1);
  model.filters.rate_factor = 0;  // stays as it is
  std::fill_n(model.filters.value.data, wide.size(), 2.0);
  model.bias.rate_factor = 4;
  model.bias.value.data[0] = 1;
  model.bias.gradient.data[0] = 0.5;
  muon optimizer({.other_momentum = 0, .weight_decay = 0.25});
  optimizer.step(model, 0.1);
  // w - 0.1 * 4 * 0.5 - 0.1 * 0.25 w
  CHECK(model.bias.value.data[0] == doctest::Approx(1 - 0.2 - 0.025).epsilon(1e-15));
  for (index_t i = 0; i < wide.size(); ++i) CHECK(model.filters.value.data[i] == 2.0);
  model.bias.frozen = true;
  optimizer.step(model, 0.1);
  CHECK(model.bias.value.data[0] == doctest::Approx(0.775).epsilon(1e-15));
}

TEST_CASE("muon: filters keep the norm of their number but for the step") {
  filter_model<backend::cpu, float> model{.filters = {.dims = tall}};
  arena memory(model, 1);
  for (index_t i = 0; i < tall.size(); ++i) model.filters.value.data[i] = static_cast<float>(i % 5) - 1.5F;
  std::fill_n(model.filters.gradient.data, tall.size(), 0.0F);
  muon optimizer;
  optimizer.step(model, 0.24);
  double squares = 0;
  for (index_t i = 0; i < tall.size(); ++i)
    squares +=
        static_cast<double>(model.filters.value.data[i]) * static_cast<double>(model.filters.value.data[i]);
  CHECK(squares == doctest::Approx(3).epsilon(1e-6));
  // Weights of zero have no direction: they stay.
  std::fill_n(model.filters.value.data, tall.size(), 0.0F);
  optimizer.step(model, 0.24);
  for (index_t i = 0; i < tall.size(); ++i) CHECK(model.filters.value.data[i] == 0.0F);
}

TEST_CASE("muon: what can have no meaning is refused") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto refused = [](const muon_options& o) { return id_of([&] { muon optimizer(o); }); };
  CHECK(refused({.momentum = 1}) == "optim.110");
  CHECK(refused({.other_momentum = -0.1}) == "optim.110");
  CHECK(refused({.momentum = nan}) == "optim.110");
  CHECK(refused({.iterations = 0}) == "optim.111");
  CHECK(refused({.weight_decay = -1}) == "optim.104");
  CHECK(refused({.weight_decay = nan}) == "optim.104");
}
