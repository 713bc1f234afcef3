// Adapters of low rank (layer/low_rank.hpp) beside the linear maps of a list, of which they alone are trained; and what becomes
// of them: weights of the maps.
//
//   sized_model<none, backend::cpu, float> model(with_adapters(list, 8, 16, every_map));
//   initialise(model, seed);  copy or load the weights that were there before, by their names
//   freeze_but_adapters(model);  training
//   merge_adapters(model, 1);    W += s A B, B = 0: files of `list` without adapters take the weights
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <string_view>

#include "spankey/layer/low_rank.hpp"
#include "spankey/model/layer_list.hpp"

namespace spankey {

/// The name of a parameter of an adapter.
constexpr bool is_adapter(std::string_view name) { return name.find(".lora_") != std::string_view::npos; }

/// True of what adapters can stand beside: linear maps, the head's left out, and those that are several side by side.
constexpr bool can_adapt(const layer_description& d) {
  return (d.kind == layer_kind::project && d.joint.count() == 0) || d.kind == layer_kind::linear;
}
/// Every one of them.
inline constexpr auto every_map = [](const layer_description& d) { return can_adapt(d); };

/// chosen(d): which maps get one, of `rank`, multiplied with alpha / rank.
template <class Chosen>
constexpr layer_list with_adapters(layer_list list, index_t rank, double alpha, const Chosen& chosen) {
  for (std::size_t i = 0; i < list.count_; ++i) {
    layer_description& d = list.layers_[i];
    if (!chosen(d)) continue;
    if (rank < 1 || !can_adapt(d)) list.fault(list_fault::adapters);
    d.map.rank = rank, d.map.alpha = alpha;
  }
  return list;
}

/// From here on training leaves everything else as it is.
template <class Model>
void freeze_but_adapters(Model& model) {
  model.for_each_parameter([](const scope& name, auto& p) { p.frozen = !is_adapter(name.str()); });
}

/// W += share * s A B, then B = 0, of every adapter; share 1 merges, 0 throws them away. Errors: memory.105, memory.107,
/// memory.108.
template <class Model>
void merge_adapters(Model& model, double share) {
  using T = typename Model::master;
  require_written(model, 0, "merge_adapters");
  require_writable(model, "merge_adapters");
  for (std::size_t i = 0; i < model.layers().size(); ++i) {
    const linear_options& map = model.layers()[i].map;
    if (!can_adapt(model.layers()[i]) || map.rank == 0) continue;
    parameter<T>*weight = nullptr, *a = nullptr, *b = nullptr;
    model.for_each_parameter_of(i, [&](const scope& name, parameter<T>& p) {
      const bool of_adapter = name.name == "weight" && is_adapter(name.str());
      if (name.name == "weight") (of_adapter ? (a == nullptr ? a : b) : weight) = &p;
    });
    if (share != 0)
      add_low_rank(weight->dims, map.rank, static_cast<T>(share * map.adapter_scale()), a->value.data,
                   b->value.data, weight->value.data, weight->value.data);
    std::fill_n(b->value.data, b->dims.size(), T(0));
  }
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
