// Fresh weights from a seed: convolutions N(0, 2/fan_out) (He et al. 2015, as torchvision's ResNets), linear
// maps U(-1/sqrt(fan_in), 1/sqrt(fan_in)), batch norm scale 1, every bias and running mean 0, running
// variance 1. The numbers are drawn in memory order of each parameter; its ordinal is the random step.
#pragma once

#include <algorithm>
#include <cmath>

#include "spankey/core/random.hpp"
#include "spankey/layer/parameter.hpp"

namespace spankey {

/// The model's memory must be bound (arena) before.
template <class Model>
void initialise(Model& model, std::uint64_t seed) {
  using T = typename Model::master;
  std::uint64_t ordinal = 0;
  model.for_each_parameter([&](const scope& name, parameter<T>& p) {
    const random_source random(seed, stream::weights, ordinal++);
    const auto& d = p.dims;
    const auto count = static_cast<std::uint64_t>(d.size());
    if (d.file_rank == 4) {
      const double deviation = std::sqrt(2.0 / static_cast<double>(d.o * d.h * d.w));
      for (std::uint64_t i = 0; i < count; ++i)
        p.value.data[i] = static_cast<T>(deviation * random.gaussian(i));
    } else if (d.file_rank == 2) {
      const double bound = 1.0 / std::sqrt(static_cast<double>(d.i * d.h * d.w));
      for (std::uint64_t i = 0; i < count; ++i)
        p.value.data[i] = static_cast<T>(bound * (2.0 * random.uniform(i) - 1.0));
    } else {
      std::fill_n(p.value.data, count, name.name == "weight" ? T(1) : T(0));
    }
    std::fill_n(p.gradient.data, count, T(0));
    std::fill_n(p.momentum.data, count, T(0));
    if (p.keeps_second_moment) std::fill_n(p.second_moment.data, count, T(0));
  });
  model.for_each_state([&](const scope& name, state<T>& s) {
    std::fill_n(s.value.data, s.count, name.name == "running_var" ? T(1) : T(0));
  });
}

}  // namespace spankey
