// Where a network's list has MLPs that a release can stand in for, and their weights to and from a model:
//
//   ungated   linear map of every token -> SiLU or GELU -> linear map of every token, both behind the same name ("h.0.mlp")
//   gated     two maps side by side, gates and what they let through -> a gated SiLU or GELU -> linear map of every token
// With or without biases; the maps of a gated one have none.
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

/// Entries of the list, and what the MLP is called.
struct mlp_place {
  std::string name;
  std::size_t first = 0, last = 0;
  activation act = activation::identity;
  index_t inputs = 0, hidden = 0, outputs = 0;
  bool gated = false, first_bias = false, down_bias = false;
};

/// In the list's order; none where there are none.
inline std::vector<mlp_place> mlp_places(std::span<const layer_description> list) {
  const auto block_of = [](const layer_description& d) {
    const std::string_view name = d.name.view();
    const std::size_t point = name.rfind('.');
    return point == std::string_view::npos ? std::string_view{} : name.substr(0, point);
  };
  const auto is_mlp = [&](const layer_description& first, const layer_description& act,
                          const layer_description& last) {
    if (first.kind != layer_kind::project || last.kind != layer_kind::project || first.map.rank > 0 ||
        last.map.rank > 0 || last.joint.count() > 0 || !is_smooth(act.after) || block_of(first).empty() ||
        block_of(first) != block_of(last))
      return false;
    return first.joint.count() == 0 ? act.kind == layer_kind::activation
                                    : first.joint.count() == 2 && act.kind == layer_kind::gated;
  };
  std::vector<mlp_place> found;
  for (std::size_t i = 0; i + 2 < list.size(); ++i) {
    const layer_description &first = list[i], &act = list[i + 1], &last = list[i + 2];
    if (!is_mlp(first, act, last)) continue;
    const bool gated = act.kind == layer_kind::gated;
    found.push_back({.name = std::string(block_of(first)),
                     .first = i,
                     .last = i + 2,
                     .act = act.after,
                     .inputs = first.in.channels,
                     .hidden = act.out.channels,
                     .outputs = last.out.channels,
                     .gated = gated,
                     .first_bias = !gated && first.map.shift,
                     .down_bias = last.map.shift});
  }
  return found;
}

namespace release_parts {

inline constexpr int biases_of_map = -1;

// f(k, weights) of the k-th map of an entry, weights (inputs, outputs) in memory, then the biases, if any.
template <class Model, class F>
void for_maps(Model& model, std::size_t entry, F&& f) {
  int map = 0;
  model.for_each_parameter_of(entry, [&](const scope& name, auto& p) {
    f(name.name == "weight" ? map++ : biases_of_map, p.value.data);
  });
}

}  // namespace release_parts

/// The weights of an MLP, a row a neuron.
template <class Model>
mlp_weights mlp_of(Model& model, const mlp_place& place) {
  mlp_weights w{.act = place.act, .inputs = place.inputs, .hidden = place.hidden, .outputs = place.outputs};
  const auto as_floats = [](const auto* from, index_t count, std::vector<float>& to) {
    for (index_t i = 0; i < count; ++i) to.push_back(static_cast<float>(from[i]));
  };
  release_parts::for_maps(model, place.first, [&](int map, const auto* from) {
    if (map == release_parts::biases_of_map) return as_floats(from, w.hidden, w.first_bias);
    std::vector<float>& rows = map == 0 ? w.first : w.up;
    rows.reserve(static_cast<std::size_t>(w.hidden * w.inputs));
    for (index_t j = 0; j < w.hidden; ++j)
      for (index_t i = 0; i < w.inputs; ++i) rows.push_back(static_cast<float>(from[i * w.hidden + j]));
  });
  release_parts::for_maps(model, place.last, [&](int map, const auto* from) {
    if (map == release_parts::biases_of_map) return as_floats(from, w.outputs, w.down_bias);
    as_floats(from, w.hidden * w.outputs, w.down);
  });
  return w;
}

/// Writes them back; biases that they have not are 0. Fails with release.104 for weights of another MLP: other sizes, gated or not,
/// or with biases that the place has not.
template <class Model>
void write_mlp(Model& model, const mlp_place& place, const mlp_weights& w) {
  require_sound(w);
  if (w.gated() != place.gated || w.inputs != place.inputs || w.hidden != place.hidden ||
      w.outputs != place.outputs || (!w.first_bias.empty() && !place.first_bias) ||
      (!w.down_bias.empty() && !place.down_bias))
    fail("release.104", place.name, "found ", w.gated() ? "a gated" : "an ungated", " MLP of ", w.inputs,
         ", ", w.hidden, " and ", w.outputs, " channels", w.first_bias.empty() ? "" : ", biases before",
         w.down_bias.empty() ? "" : ", biases behind", ", expected ", place.gated ? "a gated" : "an ungated",
         " one of ", place.inputs, ", ", place.hidden, " and ", place.outputs,
         place.first_bias ? ", biases before" : "", place.down_bias ? ", biases behind" : "");
  using number = typename Model::master;
  const auto written = [](const std::vector<float>& from, index_t i) {
    return from.empty() ? number(0) : static_cast<number>(from[static_cast<std::size_t>(i)]);
  };
  release_parts::for_maps(model, place.first, [&](int map, number* to) {
    if (map == release_parts::biases_of_map)
      for (index_t j = 0; j < w.hidden; ++j) to[j] = written(w.first_bias, j);
    else
      for (index_t j = 0; j < w.hidden; ++j)
        for (index_t i = 0; i < w.inputs; ++i)
          to[i * w.hidden + j] = written(map == 0 ? w.first : w.up, j * w.inputs + i);
  });
  release_parts::for_maps(model, place.last, [&](int map, number* to) {
    const bool biases = map == release_parts::biases_of_map;
    for (index_t i = 0; i < (biases ? w.outputs : w.hidden * w.outputs); ++i)
      to[i] = written(biases ? w.down_bias : w.down, i);
  });
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
