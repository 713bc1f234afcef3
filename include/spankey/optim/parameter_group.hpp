// Parameters by group: what an optimizer does differently for some of them, by their names in PyTorch's spelling.
//
//   set_group(model, is_vector, {.decay = 0});                 no weight decay of norms and biases
//   set_group(model, in_layer("layer1"), {.rate = 0.1});       a smaller rate for everything in that block
//   freeze(model, in_layer("conv1"));                          neither gradients nor updates, running statistics aside
// Before or between steps. On a GPU before the first one: later steps repeat what it launched.
#pragma once

#include <string>
#include <string_view>

#include "spankey/layer/parameter.hpp"

namespace spankey {

/// What multiplies the learning rate and the weight decay.
struct parameter_group {
  double rate = 1, decay = 1;
};

/// Scales and shifts of norms, and biases.
inline bool is_vector(std::string_view /*name*/, const parameter_extents& dims) {
  return dims.file_rank == 1;
}

/// True for the parameters of one layer or block.
inline auto in_layer(std::string name) {
  return [prefix = std::move(name) + "."](std::string_view of, const parameter_extents&) {
    return of.starts_with(prefix);
  };
}

/// f(parameter) for every one whose name and extents `chooses`; returns how many there were.
template <class Model, class Chooses, class F>
index_t for_each_chosen(Model& model, const Chooses& chooses, F&& f) {
  index_t count = 0;
  model.for_each_parameter([&](const scope& name, auto& p) {
    if (!chooses(std::string_view(name.str()), p.dims)) return;
    f(p);
    ++count;
  });
  return count;
}

/// Fails with optim.109 where no parameter is chosen.
template <class Model, class Chooses>
void set_group(Model& model, const Chooses& chooses, const parameter_group& group) {
  const index_t found = for_each_chosen(
      model, chooses, [&](auto& p) { p.rate_factor = group.rate, p.decay_factor = group.decay; });
  if (found == 0) fail("optim.109", "set_group", "found no parameter of this group, expected at least one");
}

/// A layer is frozen whole: weights with their biases. Fails with optim.109 where no parameter is chosen.
template <class Model, class Chooses>
void freeze(Model& model, const Chooses& chooses, bool frozen = true) {
  if (for_each_chosen(model, chooses, [&](auto& p) { p.frozen = frozen; }) == 0)
    fail("optim.109", "freeze", "found no parameter of this group, expected at least one");
}

}  // namespace spankey
