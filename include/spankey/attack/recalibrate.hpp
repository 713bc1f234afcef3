// The statistics of batch norms, taken anew from unlabelled samples: then every channel has the mean and the deviation that its norm is
// for, whatever stands before it.
//
// A norm that a lock folded (lock/entangled.hpp) keeps beta - gamma mean / deviation as its shift. With statistics of its own it is to
// have beta, which is taken to be 0, where training began.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "spankey/attack/unlabelled.hpp"
#include "spankey/layer/layer.hpp"
#include "spankey/model/layered_network.hpp"

namespace spankey {

/// Whether the batch norm `entry` of a network's list was folded into what stands before it.
template <class Model>
bool is_folded(Model& model, std::size_t entry) {
  const double variance = 1 - model.layers()[entry].norm.epsilon;
  bool folded = true;
  model.for_each_state_of(entry, [&](const scope& name, auto& s) {
    const double expected = name.name == "running_mean" ? 0 : variance;
    folded = folded && std::all_of(s.value.data, s.value.data + s.count, [&](auto number) {
               return std::abs(static_cast<double>(number) - expected) < 1e-6;
             });
  });
  return folded;
}

/// Overwrites running statistics with means over the batches. The model has memory for a batch of a training pass. Errors: those of
/// for_each_batch and of a forward pass.
template <class Model, class Data>
void recalibrate(Model& model, const Data& data, const sample_counts& counts) {
  const auto list = model.layers();
  std::vector<std::vector<double>> sums;
  const auto for_each_statistic = [&](auto&& f) {
    std::size_t at = 0;
    for (std::size_t i = 0; i < list.size(); ++i)
      if (list[i].kind == layer_kind::batch_norm2d)
        model.for_each_state_of(i, [&](const scope&, auto& s) { f(s, at++, list[i].norm.momentum); });
  };
  for (std::size_t i = 0; i < list.size(); ++i)
    if (list[i].kind == layer_kind::batch_norm2d && is_folded(model, i))
      model.for_each_parameter_of(i, [&](const scope& name, auto& p) {
        if (name.name == "bias") std::fill_n(p.value.data, p.dims.size(), 0);
      });
  for_each_statistic([&](auto& s, std::size_t, double) {
    sums.emplace_back(static_cast<std::size_t>(s.count), 0);
    std::fill_n(s.value.data, s.count, 0);
  });
  // A pass leaves momentum * statistic where there was 0.
  double batches = 0;
  for_each_batch(model, data, counts, [&](const auto* x, index_t n) {
    model.forward(pass{.groups = 1, .training = true, .statistics = batch_statistics::per_group}, x, n, {});
    for_each_statistic([&](auto& s, std::size_t at, double momentum) {
      for (index_t c = 0; c < s.count; ++c) {
        sums[at][static_cast<std::size_t>(c)] += static_cast<double>(s.value.data[c]) / momentum;
        s.value.data[c] = 0;
      }
    });
    ++batches;
  });
  for_each_statistic([&](auto& s, std::size_t at, double) {
    using number = std::remove_cvref_t<decltype(*s.value.data)>;
    for (index_t c = 0; c < s.count; ++c)
      s.value.data[c] = static_cast<number>(sums[at][static_cast<std::size_t>(c)] / batches);
  });
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
