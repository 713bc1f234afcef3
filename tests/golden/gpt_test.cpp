// Ten AdamW steps of a small GPT against PyTorch in float64 (make_gpt_losses.py), as llm.c tests itself, whose limits
// are 1e-2 for losses and 2e-2 for gradients. 4 x 64 tokens, two layers of 64 channels, 4 heads; no decay of vectors.
// 1 s, most of it the reference backend's.
#include "spankey/model/gpt.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "gpt_losses.hpp"
#include "spankey/backend/cpu/cpu.hpp"
#include "spankey/backend/reference/reference.hpp"
#include "spankey/inject/runtime.hpp"
#include "spankey/model/sized_model.hpp"
#include "spankey/optim/adam.hpp"
#include "spankey/optim/parameter_group.hpp"
#include "spankey/train/step.hpp"

using namespace spankey;

namespace {

constexpr gpt_size size{.vocabulary = 272, .context = 64, .channels = 64, .layers = 2, .heads = 4};
constexpr index_t samples = 4;
constexpr double rate = 1e-4;

// SplitMix64 of (stream, index).
std::uint64_t random_bits(std::uint64_t stream, std::uint64_t index) {
  std::uint64_t z = index + (stream << 32) + 0x9E3779B97F4A7C15;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

// Values of a parameter, or their gradients, in the file's order.
template <class T>
std::vector<double> in_file_order(const parameter_extents& dims, const T* memory) {
  std::vector<double> values(static_cast<std::size_t>(dims.size()));
  dims.for_each_position(
      [&](index_t m, index_t f) { values[static_cast<std::size_t>(f)] = static_cast<double>(memory[m]); });
  return values;
}

double dot(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

template <class Model>
void draw_weights(Model& model) {
  std::uint64_t stream = 0;
  model.for_each_parameter(
      [&](const scope& at, auto& p) {
        const std::string name = "." + at.str();
        const double mean = name.find(".ln_") != std::string::npos && name.ends_with("weight") ? 1 : 0;
        p.dims.for_each_position([&](index_t m, index_t f) {
          const auto bits = random_bits(stream, static_cast<std::uint64_t>(f)) >> 40;
          p.value.data[m] = static_cast<float>((std::ldexp(static_cast<double>(bits), -24) - 0.5) / 4 + mean);
        });
        ++stream;
      },
      scope{});
  mark_written(model);
}

/// What is in gpt_losses.hpp, as the library has it.
struct run {
  std::array<double, golden::losses.size()> losses{};
  std::map<std::string, std::vector<double>> gradients;
  std::map<std::string, double> moved;
};

template <class Backend, class T>
run ten_steps() {
  sized_model<runtime, Backend, T> model(gpt_on(size, size.vocabulary));
  set_gate(model, runtime{}, std::vector<int>{});
  keep_second_moment(model);
  set_group(model, is_vector, {.decay = 0});
  const arena memory(model, samples);
  draw_weights(model);

  std::vector<T> x(static_cast<std::size_t>(samples * 2 * size.context));
  std::vector<int> labels;
  for (index_t n = 0; n < samples; ++n)
    for (index_t t = 0; t < size.context; ++t) {
      const auto at = static_cast<std::uint64_t>(n * (size.context + 1) + t);
      write_token(static_cast<int>(random_bits(100, at) % 256),
                  &x[static_cast<std::size_t>(2 * (n * size.context + t))]);
      labels.push_back(static_cast<int>(random_bits(100, at + 1) % 256));
    }

  run found;
  std::map<std::string, std::vector<double>> first;
  const auto for_each = [&](const auto& f) {
    model.for_each_parameter([&](const scope& at, auto& p) { f(at.str(), p); }, scope{});
  };
  for_each([&](const std::string& name, auto& p) { first[name] = in_file_order(p.dims, p.value.data); });
  const objective<no_deny> goal{.classes = size.vocabulary};
  const std::vector<site_keys<T>> keys(2);
  adam optimizer({.weight_decay = 0.01, .decoupled = true});
  for (std::size_t step = 0; step < found.losses.size(); ++step) {
    found.losses[step] =
        compute_gradients(model, goal, {x.data(), samples, 2 * size.context}, labels.data(), keys).total;
    if (step == 0)
      for_each([&](const std::string& name, auto& p) {
        found.gradients[name] = in_file_order(p.dims, p.gradient.data);
      });
    optimizer.step(model, rate);
  }
  for_each([&](const std::string& name, auto& p) {
    const std::vector<double>& w0 = first[name];
    found.moved[name] = (dot(in_file_order(p.dims, p.value.data), w0) / dot(w0, w0) - 1) / rate;
  });
  return found;
}

void check(const run& found, double loss_limit, double gradient_limit, double moved_limit) {
  for (std::size_t step = 0; step < golden::losses.size(); ++step) {
    CAPTURE(step);
    CHECK(std::abs(found.losses[step] - golden::losses[step]) < loss_limit);
  }
  for (const golden::watched_tensor& tensor : golden::tensors) {
    const std::string name = tensor.name;
    CAPTURE(name);
    const std::vector<double>& g = found.gradients.at(name);
    const double limit = gradient_limit * tensor.gradient_norm;
    CHECK(std::abs(std::sqrt(dot(g, g)) - tensor.gradient_norm) < limit);
    for (std::size_t i = 0; i < tensor.gradient.size(); ++i) {
      CAPTURE(i);
      CHECK(std::abs(g[i * (g.size() / tensor.gradient.size())] - tensor.gradient[i]) < limit);
    }
    CHECK(std::abs(found.moved.at(name) - tensor.moved) < moved_limit);
  }
}

}  // namespace

TEST_CASE("golden: ten steps of a GPT, on every kernel family of this processor") {
  const isa before = active_isa();
  for (const isa family : every_isa) {
    if (family > best_isa()) continue;
    CAPTURE(std::string(name_of(family)));
    use_isa(family);
    check(ten_steps<backend::cpu, float>(), 2e-6, 2e-6, 1e-2);
  }
  use_isa(before);
}

TEST_CASE("golden: ten steps of a GPT in double") {
  check(ten_steps<backend::reference, double>(), 1e-12, 1e-12, 1e-7);
}
