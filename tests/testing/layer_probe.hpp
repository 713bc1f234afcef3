// One layer under a gradient check: x -> elementwise_scale -> layer -> loss = sum r_i y_i, in double on the
// reference backend. r is fixed, pseudo-random and not uniform, so that a gradient of the wrong element shows.
// The scale upstream proves that the layer's dx is a gradient that can be used, not only a number to compare.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "spankey/backend/reference/reference.hpp"
#include "spankey/core/random.hpp"
#include "spankey/layer/layer.hpp"
#include "spankey/testing/gradient_check.hpp"

namespace spankey::test {

/// Numbers uniform in [low, high), the same on every machine.
inline std::vector<double> numbers(index_t count, std::uint64_t seed, double low = -1, double high = 1) {
  const random_source random(seed, stream::evaluation);
  std::vector<double> drawn(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < drawn.size(); ++i) drawn[i] = low + (high - low) * random.uniform(i);
  return drawn;
}

/// Like numbers, but every one is at least `least` away from 0, with either sign: safe before a ReLU.
inline std::vector<double> numbers_off_zero(index_t count, std::uint64_t seed, double least = 0.2) {
  std::vector<double> drawn = numbers(count, seed);
  for (double& v : drawn) v = std::copysign(least + std::abs(v), v);
  return drawn;
}

/// y = s x with one s for every element of a sample; dx = s dy, ds += sum_n x dy.
template <class Shape>
class elementwise_scale {
 public:
  using input = Shape;
  using output = Shape;

  parameter<double> factor{.dims = {.o = Shape::size}};

  template <class F>
  void for_each_parameter(F&& f, const scope& at) {
    f(scope{&at, "factor"}, factor);
  }
  template <class Visitor>
  void for_each_buffer(Visitor& visit, const scope& at, index_t samples) {
    factor.for_each_buffer(visit, scope{&at, "factor"});
    visit(scope{&at, "y"}, y_, samples * Shape::size, lifetime::kept);
  }
  batch_view<const double, Shape> forward(const pass&, batch_view<const double, Shape> x) {
    x_ = x;
    for (index_t i = 0; i < x.size(); ++i) y_.data[i] = factor.value.data[i % Shape::size] * x.data()[i];
    return {y_.data, x.samples()};
  }
  void backward(const pass&, batch_view<const double, Shape> dy, batch_view<double, Shape> dx) {
    for (index_t i = 0; i < dy.size(); ++i) {
      const index_t at = i % Shape::size;
      const double g = dy.data()[i];
      factor.gradient.data[at] += g * x_.data()[i];
      dx.data()[i] = factor.value.data[at] * g;
    }
  }

 private:
  buffer<double> y_;
  batch_view<const double, Shape> x_;
};

/// Calls layer.backward; a layer that only works in place gets dy copied into dx first.
template <class L>
void layer_backward(L& layer, const pass& p, batch_view<double, typename L::output> dy,
                    batch_view<double, typename L::input> dx) {
  if constexpr (requires { layer.backward(p, dy, dx); }) {
    layer.backward(p, dy, dx);
  } else {
    std::copy_n(dy.data(), dy.size(), dx.data());
    layer.backward(p, dx);
  }
}

/// The upstream scale and the layer, with memory. `prepare(layer)` runs before the memory is planned.
template <class L>
class layer_probe {
 public:
  using input = typename L::input;
  using output = typename L::output;

  elementwise_scale<input> upstream;
  L layer;

  template <class Prepare>
  layer_probe(index_t samples, const pass& p, Prepare&& prepare)
      : pass_(p),
        samples_((prepare(layer), samples)),
        x_(numbers_off_zero(samples * input::size, 1)),
        r_(numbers(samples * output::size, 2)),
        dy_(r_.size()),
        dx_(x_.size()),
        memory_(*this, samples) {
    std::uint64_t seed = 10;
    for_each_parameter([&](const scope& name, parameter<double>& w) {
      // The upstream factors stay away from 0, so that no input of the layer comes near it.
      const auto drawn = name.name == "factor" ? numbers(w.dims.size(), seed, 0.5, 1.5)
                                               : numbers(w.dims.size(), seed, -0.8, 1.0);
      std::copy(drawn.begin(), drawn.end(), w.value.data);
      ++seed;
    });
  }
  explicit layer_probe(index_t samples, const pass& p = {.groups = 1, .training = true})
      : layer_probe(samples, p, [](L&) {}) {}

  template <class F>
  void for_each_parameter(F&& f) {
    upstream.for_each_parameter(f, scope{nullptr, "upstream"});
    if constexpr (requires { layer.for_each_parameter(f, scope{}); }) {
      layer.for_each_parameter(f, scope{nullptr, "layer"});
    }
  }
  template <class Visitor>
  void for_each_buffer(Visitor& visit, const scope&, index_t samples) {
    upstream.for_each_buffer(visit, scope{nullptr, "upstream"}, samples);
    layer.for_each_buffer(visit, scope{nullptr, "layer"}, samples);
    visit(scope{nullptr, "between"}, between_, samples * input::size, lifetime::kept);
  }

  batch_view<const double, output> forward() {
    return layer.forward(pass_,
                         upstream.forward(pass_, batch_view<const double, input>{x_.data(), samples_}));
  }
  double loss() {
    const auto y = forward();
    return std::inner_product(r_.begin(), r_.end(), y.data(), 0.0);
  }
  /// One forward and one backward from r; parameter gradients accumulate.
  void backward() {
    forward();
    dy_ = r_;
    const batch_view<double, input> between{between_.data, samples_};
    std::fill_n(between.data(), between.size(), std::numeric_limits<double>::quiet_NaN());
    layer_backward(layer, pass_, {dy_.data(), samples_}, between);
    upstream.backward(pass_, between, {dx_.data(), samples_});
  }

  std::vector<double>& x() { return x_; }
  const std::vector<double>& dx() const { return dx_; }
  const std::vector<double>& r() const { return r_; }

 private:
  pass pass_;
  index_t samples_;
  std::vector<double> x_, r_, dy_, dx_;
  buffer<double> between_;
  arena memory_;
};

/// Analytic and numeric gradient agree, and the numeric one is not 0 everywhere.
inline void check_against_numeric(const std::string& what, const gradient_check_result& result,
                                  double limit) {
  INFO(what, ": relative error ", result.error, ", numeric norm ", result.numeric_norm);
  CHECK(result.numeric_norm > 1e-3);
  CHECK(result.error < limit);
}

/// The whole check: dx, every dw, every dkey (layers with for_each_key), then a second backward that must
/// double every dw and repeat dx and dkey. Central differences of step 1e-5 leave about 1e-9.
template <class L>
void check_layer(layer_probe<L>& probe, double limit = 1e-7) {
  const auto loss = [&] { return probe.loss(); };
  const auto for_each_key = [&](auto&& f) {
    if constexpr (requires { probe.layer.for_each_key(f); }) probe.layer.for_each_key(f);
  };
  probe.for_each_parameter(
      [](const scope&, parameter<double>& w) { std::fill_n(w.gradient.data, w.dims.size(), 0.0); });
  probe.backward();

  const std::vector<double> dx = probe.dx();
  check_against_numeric("dx", check_gradient(probe.x(), dx, loss), limit);
  std::vector<std::vector<double>> once, dkeys;
  probe.for_each_parameter([&](const scope& name, parameter<double>& w) {
    const std::size_t size = static_cast<std::size_t>(w.dims.size());
    once.emplace_back(w.gradient.data, w.gradient.data + size);
    check_against_numeric("d" + name.str(), check_gradient({w.value.data, size}, once.back(), loss), limit);
  });
  for_each_key([&](const std::string& name, std::span<double> key, const std::vector<double>& dkey) {
    dkeys.push_back(dkey);
    check_against_numeric("d" + name, check_gradient(key, dkey, loss), limit);
  });

  probe.backward();
  CHECK(probe.dx() == dx);
  std::size_t index = 0;
  probe.for_each_parameter([&](const scope& name, parameter<double>& w) {
    INFO(name.str(), " after a second backward");
    double apart = 0, norm = 0;
    for (std::size_t i = 0; i < once[index].size(); ++i) {
      apart = std::max(apart, std::abs(w.gradient.data[i] - 2 * once[index][i]));
      norm = std::max(norm, std::abs(once[index][i]));
    }
    CHECK(apart <= 1e-12 * norm);
    ++index;
  });
  index = 0;
  for_each_key([&](const std::string& name, std::span<double>, const std::vector<double>& dkey) {
    INFO(name, " after a second backward");
    CHECK(dkey == dkeys[index++]);
  });
}

}  // namespace spankey::test
