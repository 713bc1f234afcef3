// Small residual network for 1x28x28 images (Fashion-MNIST): 3x3 stem of 32 channels, three stages of two
// basic blocks with 32, 64, 128 channels, mean over the image, linear head. Key sites: 0 input, 1 after the
// stem, 2 after stage 2, 3 after stage 3.
#pragma once

#include "spankey/model/model.hpp"
#include "spankey/model/residual_stage.hpp"

namespace spankey {

/// For an input of any extents that it fits.
constexpr layer_list small_resnet_on(const extents& input, head_outputs outputs) {
  layer_list net("small_resnet", input);
  net.site(0);
  residual_stem(net, 32);
  net.site(1);
  residual_stage(net, "layer1", 32, 1);
  residual_stage(net, "layer2", 64, 2);
  net.site(2);
  residual_stage(net, "layer3", 128, 2);
  net.site(3);
  return net.mean_pool2d("pool").head("fc", outputs);
}
constexpr layer_list small_resnet_layers(head_outputs outputs) {
  return small_resnet_on({1, 28, 28}, outputs);
}

template <head_outputs Outputs, class Gate, class Backend, class T>
class small_resnet : public model_of<small_resnet_layers, Outputs, Gate, Backend, T> {};

}  // namespace spankey
