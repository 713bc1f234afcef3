// Where a network's list has MLP pairs that a release can stand in for, and their weights to and from a model:
//
//   linear map of every token -> SiLU or GELU -> linear map of every token, all three behind the same name ("h.0.mlp")
// What a model's gated block looks like is for whoever lists it: everything behind here takes mlp_weights of either form.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "spankey/model/layer_description.hpp"
#include "spankey/release/mlp_weights.hpp"

namespace spankey {

/// Entries of the list, and what the pair is called.
struct mlp_place {
  std::string name;
  std::size_t first = 0, last = 0;
  activation act = activation::identity;
  index_t inputs = 0, hidden = 0, outputs = 0;
};

/// In the list's order; none where there are none.
inline std::vector<mlp_place> mlp_places(std::span<const layer_description> list) {
  const auto block_of = [](const layer_description& d) {
    const std::string_view name = d.name.view();
    const std::size_t point = name.rfind('.');
    return point == std::string_view::npos ? std::string_view{} : name.substr(0, point);
  };
  std::vector<mlp_place> found;
  for (std::size_t i = 0; i + 2 < list.size(); ++i) {
    const layer_description &first = list[i], &act = list[i + 1], &last = list[i + 2];
    if (first.kind != layer_kind::project || act.kind != layer_kind::activation || !is_smooth(act.after) ||
        last.kind != layer_kind::project || first.map.rank > 0 || last.map.rank > 0 ||
        block_of(first).empty() || block_of(first) != block_of(last))
      continue;
    found.push_back({std::string(block_of(first)), i, i + 2, act.after, first.in.channels, first.out.channels,
                     last.out.channels});
  }
  return found;
}

namespace release_parts {

// Weights (inputs, outputs) in memory, and biases, of an entry of a model's list.
template <class Model, class F>
void for_map(Model& model, std::size_t entry, F&& f) {
  typename Model::master *weights = nullptr, *biases = nullptr;
  model.for_each_parameter_of(
      entry, [&](const scope& name, auto& p) { (name.name == "weight" ? weights : biases) = p.value.data; });
  f(weights, biases);
}

}  // namespace release_parts

/// The weights of a pair, a row a neuron.
template <class Model>
mlp_weights mlp_of(Model& model, const mlp_place& place) {
  mlp_weights w{.act = place.act, .inputs = place.inputs, .hidden = place.hidden, .outputs = place.outputs};
  release_parts::for_map(model, place.first, [&](const auto* weights, const auto* biases) {
    for (index_t j = 0; j < w.hidden; ++j) {
      for (index_t i = 0; i < w.inputs; ++i) w.first.push_back(static_cast<float>(weights[i * w.hidden + j]));
      w.first_bias.push_back(static_cast<float>(biases[j]));
    }
  });
  release_parts::for_map(model, place.last, [&](const auto* weights, const auto* biases) {
    for (index_t i = 0; i < w.hidden * w.outputs; ++i) w.down.push_back(static_cast<float>(weights[i]));
    for (index_t o = 0; o < w.outputs; ++o) w.down_bias.push_back(static_cast<float>(biases[o]));
  });
  return w;
}

/// Writes them back. Fails with release.104 for weights of another pair, and a gated form.
template <class Model>
void write_mlp(Model& model, const mlp_place& place, const mlp_weights& w) {
  require_sound(w);
  if (w.gated() || w.inputs != place.inputs || w.hidden != place.hidden || w.outputs != place.outputs)
    fail("release.104", place.name, "found ", w.gated() ? "a gated MLP of " : "an MLP of ", w.inputs, ", ",
         w.hidden, " and ", w.outputs, " channels, expected an ungated one of ", place.inputs, ", ",
         place.hidden, " and ", place.outputs);
  using number = typename Model::master;
  release_parts::for_map(model, place.first, [&](number* weights, number* biases) {
    for (index_t j = 0; j < w.hidden; ++j) {
      for (index_t i = 0; i < w.inputs; ++i)
        weights[i * w.hidden + j] = static_cast<number>(w.first_of(j)[i]);
      biases[j] = static_cast<number>(w.bias_of(j));
    }
  });
  release_parts::for_map(model, place.last, [&](number* weights, number* biases) {
    for (index_t i = 0; i < w.hidden * w.outputs; ++i)
      weights[i] = static_cast<number>(w.down[static_cast<std::size_t>(i)]);
    for (index_t o = 0; o < w.outputs; ++o)
      biases[o] =
          w.down_bias.empty() ? number(0) : static_cast<number>(w.down_bias[static_cast<std::size_t>(o)]);
  });
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
