// Fresh weights from a seed, each parameter as its layer says (`fill` in layer/parameter.hpp). Where a list says
// nothing: convolutions N(0, 2/fan_out) (He et al. 2015, as torchvision's ResNets), linear maps
// U(-1/sqrt(fan_in), 1/sqrt(fan_in)), scales of norms 1, every bias and running mean 0, running variances 1. Numbers
// are drawn in the memory order of a parameter; its place among the network's parameters is the random step.
#pragma once

#include <algorithm>
#include <cmath>

#include "spankey/core/memory.hpp"
#include "spankey/core/planned_memory.hpp"
#include "spankey/core/random.hpp"
#include "spankey/layer/parameter.hpp"

namespace spankey {

/// Weights of 1 from every input to the output of its number, at the middle of the window.
template <class T>
void copy_inputs(const parameter_extents& d, T* value) {
  for (index_t c = 0; c < std::min(d.i, d.o); ++c)
    value[((d.h / 2 * d.w + d.w / 2) * d.i + c) * d.o + c] = T(1);
}

/// Draws the values of one parameter in memory order.
template <class T>
void draw_weights(const parameter<T>& p, const random_source& random, T* value) {
  const auto& d = p.dims;
  const auto count = static_cast<std::uint64_t>(d.size());
  const double window = static_cast<double>(d.h * d.w);
  const double fan_in = static_cast<double>(d.i) * window, fan_out = static_cast<double>(d.o) * window;
  const auto uniform = [&](double bound) {
    for (std::uint64_t i = 0; i < count; ++i)
      value[i] = static_cast<T>(bound * (2.0 * random.uniform(i) - 1.0));
  };
  switch (p.fill) {
    case initialiser::he_normal: {
      const double deviation = std::sqrt(2.0 / fan_out);
      for (std::uint64_t i = 0; i < count; ++i) value[i] = static_cast<T>(deviation * random.gaussian(i));
      return;
    }
    case initialiser::uniform_fan_in:
      return uniform(1.0 / std::sqrt(fan_in));
    case initialiser::xavier_uniform:  // the outputs of a linear map over an image have no window
      return uniform(std::sqrt(6.0 / (fan_in + (d.file_rank == 4 ? fan_out : static_cast<double>(d.o)))));
    case initialiser::normal:
      for (std::uint64_t i = 0; i < count; ++i) value[i] = static_cast<T>(0.02 * random.gaussian(i));
      return;
    case initialiser::truncated_normal:
      for (std::uint64_t i = 0; i < count; ++i) {
        double drawn = random.gaussian(i);
        for (std::uint64_t again = 1; std::abs(drawn) > 2; ++again)
          drawn = random.gaussian(i + again * count);
        value[i] = static_cast<T>(0.02 * drawn);
      }
      return;
    case initialiser::dirac:
      std::fill_n(value, count, T(0));
      return copy_inputs(d, value);
    case initialiser::dirac_uniform:
      uniform(1.0 / std::sqrt(fan_in));
      for (index_t i = 0; i < d.size(); ++i)
        if (i % d.o < d.i) value[i] = T(0);
      return copy_inputs(d, value);
    case initialiser::zeros:
    case initialiser::ones:
      std::fill_n(value, count, p.fill == initialiser::ones ? T(1) : T(0));
  }
}

/// Errors: memory.105 no arena before, memory.108 packed weights.
template <class Model>
void initialise(Model& model, std::uint64_t seed) {
  using T = typename Model::master;
  using memory = memory_of_model<Model>;
  require_writable(model, "initialise");
  std::uint64_t ordinal = 0;
  model.for_each_parameter([&](const scope&, parameter<T>& p) {
    const random_source random(seed, stream::weights, ordinal++);
    const auto& d = p.dims;
    memory::write(p.value.data, d.size(), [&](T* value) {
      draw_weights(p, random, value);
      for (index_t i = 0; p.gain != 1 && i < d.size(); ++i) value[i] *= static_cast<T>(p.gain);
    });
    memory::zero(p.gradient.data, d.size());
    memory::zero(p.momentum.data, d.size());
    if (p.keeps_second_moment) memory::zero(p.second_moment.data, d.size());
    if (p.keeps_average) memory::zero(p.average.data, d.size());
  });
  model.for_each_state([&](const scope&, state<T>& s) {
    memory::write(s.value.data, s.count,
                  [&](T* value) { std::fill_n(value, s.count, s.fill == initialiser::ones ? T(1) : T(0)); });
  });
  mark_written(model);
}

}  // namespace spankey
