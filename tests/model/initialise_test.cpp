#include "spankey/model/initialise.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "spankey/backend/reference/reference.hpp"
#include "spankey/inject/additive.hpp"
#include "spankey/model/sized_model.hpp"
#include "spankey/model/small_resnet.hpp"

using namespace spankey;

namespace {
template <class Gate>
using gated_by = small_resnet<10, Gate, backend::reference, float>;
using model = gated_by<ungated>;

template <class Model>
std::vector<float> weights_of(Model& m) {
  std::vector<float> all;
  m.for_each_parameter([&](const scope&, parameter<float>& w) {
    all.insert(all.end(), w.value.data, w.value.data + w.dims.size());
  });
  return all;
}
template <class Gate>
std::vector<float> fresh_weights(std::uint64_t seed) {
  gated_by<Gate> m;
  arena memory(m, 1);
  initialise(m, seed);
  return weights_of(m);
}
}  // namespace

TEST_CASE("initialise: a seed names the weights; sites do not change them") {
  const auto first = fresh_weights<ungated>(1);
  CHECK(first == fresh_weights<ungated>(1));
  CHECK(first != fresh_weights<ungated>(2));
  CHECK(first == fresh_weights<gate<additive, at<0, 2>>>(1));
}

TEST_CASE("initialise: it starts a used model again, state and optimizer memory included") {
  model m;
  m.for_each_parameter([](const scope&, parameter<float>& w) { w.keeps_second_moment = true; });
  arena memory(m, 1);
  initialise(m, 1);
  const auto first = weights_of(m);
  m.for_each_parameter([](const scope&, parameter<float>& w) {
    for (float* data : {w.value.data, w.gradient.data, w.momentum.data, w.second_moment.data})
      std::fill_n(data, w.dims.size(), 3.0F);
  });
  m.for_each_state([](const scope&, state<float>& s) { std::fill_n(s.value.data, s.count, 3.0F); });
  initialise(m, 1);
  CHECK(weights_of(m) == first);
  m.for_each_parameter([](const scope& name, parameter<float>& w) {
    INFO(name.str());
    for (const float* data : {w.gradient.data, w.momentum.data, w.second_moment.data})
      CHECK(std::all_of(data, data + w.dims.size(), [](float v) { return v == 0; }));
  });
  m.for_each_state([](const scope& name, state<float>& s) {
    INFO(name.str());
    const float expected = name.name == "running_var" ? 1.0F : 0.0F;
    CHECK(std::all_of(s.value.data, s.value.data + s.count, [&](float v) { return v == expected; }));
  });
}

TEST_CASE("initialise: convolutions N(0, 2/fan_out), linear maps uniform, norms 1 and 0") {
  model m;
  arena memory(m, 1);
  initialise(m, 7);
  m.for_each_parameter([](const scope& name, parameter<float>& w) {
    INFO(name.str());
    const double count = static_cast<double>(w.dims.size());
    double mean = 0, squares = 0, fourth = 0, largest = 0;
    for (index_t i = 0; i < w.dims.size(); ++i) {
      const double v = static_cast<double>(w.value.data[i]);
      mean += v / count;
      squares += v * v / count;
      fourth += v * v * v * v / count;
      largest = std::max(largest, std::abs(v));
    }
    const double deviation = std::sqrt(squares);
    const double slack = 5 / std::sqrt(count);  // five standard errors, generously
    if (w.dims.file_rank == 4) {
      const double expected = std::sqrt(2.0 / static_cast<double>(w.dims.o * w.dims.h * w.dims.w));
      CHECK(std::abs(deviation / expected - 1) < slack);
      CHECK(std::abs(mean / expected) < slack);
      CHECK(std::abs(fourth / (squares * squares) - 3) < 10 * slack);  // normal, not uniform (1.8)
    } else if (w.dims.file_rank == 2) {
      const double bound = 1 / std::sqrt(static_cast<double>(w.dims.i * w.dims.h * w.dims.w));
      CHECK(largest <= bound);
      CHECK(largest > 0.98 * bound);
      CHECK(std::abs(deviation / (bound / std::sqrt(3.0)) - 1) < slack);
      CHECK(std::abs(mean / bound) < slack);
    } else {
      CHECK(mean == doctest::Approx(name.name == "weight" ? 1.0 : 0.0));
      CHECK(squares == doctest::Approx(name.name == "weight" ? 1.0 : 0.0));
    }
  });
}

TEST_CASE("initialise: no two parameters start alike") {
  model m;
  arena memory(m, 1);
  initialise(m, 7);
  const parameter<float>& first = m.parameter_of("layer1.0.conv1.weight");
  const parameter<float>& second = m.parameter_of("layer1.0.conv2.weight");
  REQUIRE(first.dims.size() == second.dims.size());
  CHECK_FALSE(std::equal(first.value.data, first.value.data + first.dims.size(), second.value.data));
}

TEST_CASE("initialise: a gain multiplies, and a convolution may begin as its inputs with the rest drawn") {
  std::vector<double> value(9 * 2 * 5), once(value.size());
  const random_source random(3, stream::weights);
  parameter<double> filters{.dims = {.o = 5, .i = 2, .h = 3, .w = 3, .file_rank = 4},
                            .fill = initialiser::dirac_uniform};
  draw_weights(filters, random, value.data());
  const double bound = 1 / std::sqrt(18.0);
  double squares = 0;
  for (std::size_t i = 0; i < value.size(); ++i) {
    INFO("element ", i);
    const std::size_t out = i % 5, in = i / 5 % 2, place = i / 10;
    if (out < 2) {
      CHECK(value[i] == (place == 4 && in == out ? 1.0 : 0.0));
    } else {
      CHECK(std::abs(value[i]) <= bound);
      squares += value[i] * value[i];
    }
  }
  CHECK(squares > 54 * bound * bound / 3 * 0.5);
  // Fewer outputs than inputs: every output is an input, and nothing is drawn.
  filters.dims = {.o = 2, .i = 5, .h = 3, .w = 3, .file_rank = 4};
  draw_weights(filters, random, value.data());
  CHECK(std::count(value.begin(), value.end(), 0.0) == static_cast<long>(value.size()) - 2);

  constexpr auto plain = [](head_outputs outputs) {
    return layer_list("plain", {1, 4, 4}).head("fc", outputs);
  };
  constexpr auto small = [](head_outputs outputs) {
    return layer_list("small", {1, 4, 4}).head("fc", outputs, {.gain = 0.25});
  };
  const auto weights = [](const layer_list& list) {
    sized_model<none, backend::reference, float> m(list);
    const arena memory(m, 1);
    initialise(m, 1);
    return weights_of(m);
  };
  const auto full = weights(plain(10)), quarter = weights(small(10));
  REQUIRE(full.size() == quarter.size());
  for (std::size_t i = 0; i < full.size(); ++i) CHECK(quarter[i] == 0.25F * full[i]);
}
