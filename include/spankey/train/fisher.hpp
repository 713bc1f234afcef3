// What every weight is worth: by how much the loss would grow without it, to second order and without looking at other weights.
//
//   score(w) = w^2 mean over the samples of (dCE/dw)^2
// One sample at a time, since the mean of squares is not the square of a mean; with the running statistics of batch norms.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <vector>

#include "spankey/data/sample_writer.hpp"
#include "spankey/layer/weight_scores.hpp"
#include "spankey/loss/deny/mode.hpp"
#include "spankey/train/step.hpp"

namespace spankey {

/// Of a network without keys, over the first `samples` of a data set. Its gradients are overwritten. Errors: data.105 unless 1 <=
/// samples <= data.size(), those of require_usable and of a step.
template <class Model, class Data>
weight_scores fisher_scores(Model& any_model, const Data& data, index_t samples = 1024) {
  auto& model = network_of(any_model);
  using network = std::remove_reference_t<decltype(model)>;
  using scalar = typename network::scalar;
  if (samples < 1 || samples > data.size())
    fail("data.105", data.name, "asked for ", samples, " samples, expected 1 to ", data.size());
  const sample_writer<Data, scalar> writer(data, "fisher_scores");
  std::vector<scalar> x(static_cast<std::size_t>(extents(data.sample).size()));
  const objective<no_deny> goal{.classes = data.classes, .statistics = batch_statistics::running};
  weight_scores scores;
  for (index_t i = 0; i < samples; ++i) {
    writer.write(i, x.data());
    const int label = data.label(i);
    compute_gradients(model, goal, {x.data(), 1, static_cast<index_t>(x.size())}, &label, {});
    model.for_each_parameter([&](const scope& at, auto& p) {
      std::vector<float>& of = scores[at.str()];
      of.resize(static_cast<std::size_t>(p.dims.size()));
      for (std::size_t j = 0; j < of.size(); ++j) {
        const auto g = static_cast<float>(p.gradient.data[j]);
        of[j] += g * g / static_cast<float>(samples);
      }
    });
  }
  model.for_each_parameter([&](const scope& at, auto& p) {
    std::vector<float>& of = scores[at.str()];
    for (std::size_t j = 0; j < of.size(); ++j) {
      const auto w = static_cast<float>(p.value.data[j]);
      of[j] *= w * w;
    }
  });
  return scores;
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
