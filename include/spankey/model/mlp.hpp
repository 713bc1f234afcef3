// Multilayer perceptron 20-64-32-Outputs with ReLU, for the synthetic experiment.
// Key sites: 0 input, 1 after linear 1 and before its ReLU, 2 after linear 2 and before its ReLU.
#pragma once

#include "spankey/model/model.hpp"

namespace spankey {

/// For an input of any extents that it fits.
constexpr layer_list mlp_on(const extents& input, head_outputs outputs) {
  layer_list net("mlp", input);
  net.site(0);
  net.linear("fc1", 64).site(1).relu("relu1");
  net.linear("fc2", 32).site(2).relu("relu2");
  return net.head("fc3", outputs);
}
constexpr layer_list mlp_layers(head_outputs outputs) { return mlp_on({20, 1, 1}, outputs); }

template <head_outputs Outputs, class Gate, class Backend, class T>
class mlp : public model_of<mlp_layers, Outputs, Gate, Backend, T> {};

}  // namespace spankey
