// What the tests of the cpu convolution share: problems of awkward shapes, the operands of every pass, agreement with
// the reference in double, and equal bits for every number of threads.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <vector>

#include "spankey/backend/cpu/conv2d.hpp"
#include "spankey/backend/cpu/parallel.hpp"
#include "spankey/backend/reference/conv2d.hpp"
#include "spankey/core/random.hpp"

namespace conv2d_cases {

using spankey::bf16;
using spankey::conv2d_problem;
using spankey::index_t;
using exact_conv = spankey::conv2d_kernels<spankey::backend::reference, double>;

inline conv2d_problem problem(index_t samples, index_t in, index_t out, index_t height, index_t width,
                              index_t kernel, index_t stride, index_t padding) {
  const auto extent = [&](index_t size) { return (size + 2 * padding - kernel) / stride + 1; };
  return {samples, {in, height, width}, {out, extent(height), extent(width)}, kernel, stride, padding};
}

inline conv2d_problem same(index_t samples, index_t in, index_t out, index_t height, index_t width,
                           index_t kernel, index_t stride) {
  return problem(samples, in, out, height, width, kernel, stride, kernel / 2);
}

inline std::vector<conv2d_problem> problems() {
  std::vector<conv2d_problem> list;
  for (const index_t kernel : {1, 3})
    for (const index_t stride : {1, 2})
      for (const auto& [samples, in, out, height, width] : {std::array<index_t, 5>{1, 3, 16, 32, 32},
                                                            {3, 3, 64, 8, 8},
                                                            {1, 1, 1, 1, 1},
                                                            {17, 5, 17, 2, 3},
                                                            {1, 16, 5, 5, 5},
                                                            {3, 17, 65, 7, 7},
                                                            {1, 65, 130, 5, 5},
                                                            {3, 64, 64, 14, 14},
                                                            {17, 16, 16, 8, 8},
                                                            {1, 130, 64, 2, 3},
                                                            {3, 130, 130, 1, 1},
                                                            {17, 1, 3, 7, 7},
                                                            {1, 64, 5, 1, 1},
                                                            {2, 12, 32, 4, 9}}) {
        list.push_back(same(samples, in, out, height, width, kernel, stride));
      }
  list.push_back(problem(2, 9, 20, 9, 7, 5, 3, 1));     // stride that skips inputs, uneven borders
  list.push_back(problem(2, 6, 6, 9, 9, 2, 3, 0));      // pixels between the kernels
  list.push_back(problem(1, 4, 7, 3, 3, 7, 2, 3));      // kernel larger than the image
  list.push_back(problem(2, 3, 8, 4, 4, 1, 1, 2));      // outputs that see nothing but padding
  list.push_back(problem(1, 2, 4, 20, 20, 19, 1, 9));   // more kernel rows than one list of pieces holds
  list.push_back(problem(1, 1200, 70, 2, 2, 3, 1, 1));  // depth beyond one slice of weights
  list.push_back(problem(11, 8, 24, 16, 17, 3, 1, 1));  // several slices of pixels in dw
  list.push_back(same(16, 64, 64, 8, 8, 3, 1));         // Winograd: batch, channels and size that allow it
  list.push_back(same(17, 32, 48, 6, 10, 3, 1));        // the same with windows and channels left over
  list.push_back(same(19, 80, 144, 2, 4, 3, 1));
  list.push_back(same(16, 512, 32, 8, 8, 3, 1));  // several chunks of windows
  list.push_back(same(17, 32, 48, 7, 5, 3, 1));   // half empty windows at the far sides
  list.push_back(same(16, 24, 40, 8, 9, 3, 1));   // direct: outputs that leave a rest
  list.push_back(same(16, 24, 64, 9, 8, 3, 1));   // inputs that leave half a register
  return list;
}

template <class T>
std::vector<T> random_values(index_t count, std::uint64_t seed) {
  const spankey::random_source random(seed, spankey::stream::weights);
  std::vector<T> values(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<T>(static_cast<float>(random.gaussian(i)));
  return values;
}

template <class T>
std::vector<double> exact(const std::vector<T>& values) {
  std::vector<double> wide;
  for (const T value : values) wide.push_back(static_cast<double>(static_cast<float>(value)));
  return wide;
}

/// Weights as the products see them: rounded to the scalar of the activations.
template <class T>
std::vector<double> multiplied(const std::vector<float>& weights) {
  std::vector<double> wide;
  for (const float value : weights)
    wide.push_back(static_cast<double>(static_cast<float>(static_cast<T>(value))));
  return wide;
}

template <class T>
double relative_error(const std::vector<T>& found, const std::vector<double>& expected) {
  double difference = 0, norm = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    difference += std::pow(static_cast<double>(static_cast<float>(found[i])) - expected[i], 2);
    norm += expected[i] * expected[i];
  }
  return norm > 0 ? std::sqrt(difference / norm) : std::sqrt(difference);
}

// Inputs and outputs of all passes. Scratch is as small as promised, guarded and full of NaN.
template <class T>
struct operands {
  using kernels = spankey::conv2d_kernels<spankey::backend::cpu, T>;

  explicit operands(const conv2d_problem& shape)
      : p(shape),
        x(random_values<T>(p.samples * p.in.size(), 1)),
        dy(random_values<T>(p.samples * p.out.size(), 4)),
        y(dy.size(), static_cast<T>(std::nanf(""))),
        dx(random_values<T>(static_cast<index_t>(x.size()), 5)),
        w(random_values<float>(p.weight_size(), 2)),
        bias(random_values<float>(p.out.channels, 3)),
        dw(random_values<float>(static_cast<index_t>(w.size()), 6)),
        dbias(random_values<float>(p.out.channels, 7)),
        scratch(static_cast<std::size_t>(kernels::scratch_size(p)) + 16, std::nanf("")) {
    std::fill(scratch.end() - 16, scratch.end(), guard);
  }
  [[nodiscard]] bool scratch_respected() const {
    return std::all_of(scratch.end() - 16, scratch.end(), [](float value) { return value == guard; });
  }
  void forward(bool with_bias) {
    kernels::forward(p, x.data(), w.data(), with_bias ? bias.data() : nullptr, y.data(), scratch.data());
  }
  void backward_data(bool accumulate) {
    kernels::backward_data(p, dy.data(), w.data(), dx.data(), accumulate, scratch.data());
  }
  void backward_weights(bool with_bias) {
    kernels::backward_weights(p, x.data(), dy.data(), dw.data(), with_bias ? dbias.data() : nullptr,
                              scratch.data());
  }
  static constexpr float guard = 12345.0F;
  conv2d_problem p;
  std::vector<T> x, dy, y, dx;
  std::vector<float> w, bias, dw, dbias, scratch;
};

template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  if (a.size() != b.size()) return false;
  return a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

// Sums are float; what is stored as bf16 was rounded once, by at most 1 part in 256. Winograd's transform rounds the
// operands of the data gradient of bf16 once more; AMX tiles do without it.
template <class T>
constexpr double tolerance = std::is_same_v<T, float> ? 1e-5 : 1.0 / 256;
template <class T>
double gradient_tolerance(const conv2d_problem& p) {
  const bool rounded = std::is_same_v<T, bf16> && spankey::cpu::winograd_side<T>(p) != 0;
  return rounded ? 1.0 / 128 : tolerance<T>;
}

/// All passes of p against the reference; each(f) calls f for every way of computing them.
template <class T, class Each>
void check_agreement(const conv2d_problem& p, const Each& each) {
  const operands<T> given(p);
  const std::vector<double> x = exact(given.x), w = multiplied<T>(given.w), bias = exact(given.bias),
                            dy = exact(given.dy);
  std::vector<double> y(given.y.size()), y_bias = y, dx(given.x.size()), dx_added = exact(given.dx),
                                         dw = exact(given.dw), dbias = exact(given.dbias);
  exact_conv::forward(p, x.data(), w.data(), nullptr, y.data(), nullptr);
  exact_conv::forward(p, x.data(), w.data(), bias.data(), y_bias.data(), nullptr);
  exact_conv::backward_data(p, dy.data(), w.data(), dx.data(), false, nullptr);
  exact_conv::backward_data(p, dy.data(), w.data(), dx_added.data(), true, nullptr);
  exact_conv::backward_weights(p, x.data(), dy.data(), dw.data(), nullptr, nullptr);
  exact_conv::backward_weights(p, x.data(), dy.data(), dw.data(), dbias.data(), nullptr);

  each([&] {
    CAPTURE(p.samples);
    CAPTURE(p.in.channels);
    CAPTURE(p.out.channels);
    CAPTURE(p.in.height);
    CAPTURE(p.in.width);
    CAPTURE(p.kernel);
    CAPTURE(p.stride);
    CAPTURE(p.padding);
    CAPTURE(p.groups);
    operands<T> o = given;
    o.forward(false);
    CHECK(relative_error(o.y, y) <= tolerance<T>);
    o.forward(true);
    CHECK(relative_error(o.y, y_bias) <= tolerance<T>);
    o.backward_data(true);
    CHECK(relative_error(o.dx, dx_added) <= gradient_tolerance<T>(p));
    // Overwriting must not read what was there.
    std::fill(o.dx.begin(), o.dx.end(), static_cast<T>(std::nanf("")));
    o.backward_data(false);
    CHECK(relative_error(o.dx, dx) <= gradient_tolerance<T>(p));
    o.backward_weights(false);
    o.backward_weights(true);
    CHECK(relative_error(o.dw, dw) <= 1e-5);
    CHECK(relative_error(o.dbias, dbias) <= 1e-5);
    CHECK(o.scratch_respected());
  });
}

/// The bits of all passes of p with 1, 2, 3 and 7 threads.
template <class T>
void check_threads(const conv2d_problem& p) {
  const auto run = [&p](index_t threads) {
    const spankey::thread_limit limit(threads);
    operands<T> o(p);
    o.forward(true);
    o.backward_data(true);
    o.backward_weights(true);
    return o;
  };
  const operands<T> one = run(1);
  for (const index_t threads : {2, 3, 7}) {
    const operands<T> many = run(threads);
    CHECK(same_bits(many.y, one.y));
    CHECK(same_bits(many.dx, one.dx));
    CHECK(same_bits(many.dw, one.dw));
    CHECK(same_bits(many.dbias, one.dbias));
  }
}

}  // namespace conv2d_cases
