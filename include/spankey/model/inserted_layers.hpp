// A network's list with a layer of its own before some of its layers: what is put at a site to be trained alone, where
// somebody wants to undo what a lock or a key did there.
//
//   stitch      y = A x + b over the channels of every position       A (C, C), from the identity
//   affine      y = a x + b, a number a channel                       from 1 and 0
//   accessory   y = x + B relu(A x + a) + b, A and B (C, C)           from y = x
// Names: that of the layer with _map behind it, so that every other tensor keeps its own name. What is inserted keeps the
// shape, and begins as the identity (begin_as_identity).
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <array>
#include <string>
#include <string_view>

#include "spankey/model/layer_list.hpp"

namespace spankey {

/// Behind the name of the layer that something was inserted before.
inline constexpr std::string_view inserted_suffix = "_map";

/// The name of a parameter, or of a layer, that was inserted.
constexpr bool is_inserted(std::string_view name) {
  return name.find(inserted_suffix) != std::string_view::npos;
}

/// chosen(d): whether something stands before that entry, which must be one with weights.
template <class Chosen>
constexpr layer_list with_inserted(const layer_list& list, inserted_kind kind, const Chosen& chosen) {
  layer_list made(list.name(), list.input());
  made.outputs_ = list.outputs_, made.site_count_ = list.site_count_, made.sites_ = list.sites_;
  made.fault_ = list.fault_, made.fault_at_ = list.fault_at_;
  for (const layer_description& d : list)  // whose parameters would be taken for inserted ones
    if (is_inserted(d.name.view())) made.fault(list_fault::name);
  // Where every entry of the list will be.
  std::array<std::size_t, layer_list::most_layers> place{};
  std::size_t next = 0;
  for (std::size_t i = 0; i < list.count_; ++i) {
    if (chosen(list[i])) next += kind == inserted_kind::accessory ? 5U : 1U;
    place[i] = next++;
  }
  for (std::size_t i = 0; i < list.count_; ++i) {
    layer_description d = list[i];
    if (chosen(d)) {
      made.now_ = d.in;
      layer_name name = d.name;
      if (!d.has_weights() || !name.append(inserted_suffix)) made.fault(list_fault::name);
      const index_t c = d.in.channels;
      if (kind == inserted_kind::stitch) {
        made.project(name.view(), c);
      } else if (kind == inserted_kind::affine) {
        made.conv2d(name.view(), c, {.kernel = 1, .groups = c, .bias = bias::learned});
      } else {
        made.residual(name.view()).project("0", c).relu("1").project("2", c).join();
      }
    }
    if (d.kind == layer_kind::residual) d.skip = place[d.skip], d.join = place[d.join];
    if (d.kind == layer_kind::join) d.begin = place[d.begin], d.skip = place[d.skip], d.sum = place[d.sum];
    if (made.count_ == layer_list::most_layers) return made.fault(list_fault::too_many);
    made.layers_[made.count_++] = d;
    made.now_ = d.out;
  }
  return made;
}

/// Writes the parameters of everything that was inserted: then the network computes what it computed without.
template <class Model>
void begin_as_identity(Model& model) {
  model.for_each_parameter([&](const scope& at, auto& p) {
    const std::string name = at.str();
    if (!is_inserted(name)) return;
    const bool is_matrix = p.dims.file_rank == 2, is_scale = p.dims.file_rank == 4;
    // The first map of an accessory block is drawn (initialise): from two matrices of zeros nothing would learn.
    if (name.ends_with(".0.weight") || name.ends_with(".0.bias")) return;
    const bool adds = name.ends_with(".2.weight");
    for (index_t i = 0; i < p.dims.size(); ++i) {
      const bool diagonal = is_matrix && i / p.dims.o == i % p.dims.o;
      p.value.data[i] = !adds && (diagonal || is_scale) ? 1 : 0;
    }
  });
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
