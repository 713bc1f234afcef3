// What games read that train copies of the network: its weights, its layers, and data sets instead of held samples.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <functional>
#include <set>
#include <string>

#include "spankey/attack/game.hpp"
#include "spankey/model/layer_list.hpp"

namespace spankey {

/// `Held`: a network of the target's weights without a key, `list` its layers with a head of the classes alone; `test` are the samples that decide, in the order of `judged`.
template <class Held, class Data>
struct training_target : gate_target {
  Held& held;
  const layer_list& list;
  const Data& train;
  const Data& test;
  const std::set<std::string, std::less<>>&
      places;  // layers that something secret acts before, where maps are put
};

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
