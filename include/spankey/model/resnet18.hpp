// ResNet-18 for 3x32x32 images (He et al. 2015, CIFAR form): 3x3 stem of stride 1, no max-pool, four stages
// of two basic blocks with 64, 128, 256, 512 channels, mean over the image, linear head. 11.2 million
// parameters. Key sites: 0 input, 1 after the stem, 2, 3, 4 after stage 2, 3, 4.
#pragma once

#include "spankey/model/model.hpp"
#include "spankey/model/residual_stage.hpp"

namespace spankey {

/// For an input of any extents that it fits.
constexpr layer_list resnet18_on(const extents& input, head_outputs outputs) {
  layer_list net("resnet18", input);
  net.site(0);
  residual_stem(net, 64);
  net.site(1);
  residual_stage(net, "layer1", 64, 1);
  residual_stage(net, "layer2", 128, 2);
  net.site(2);
  residual_stage(net, "layer3", 256, 2);
  net.site(3);
  residual_stage(net, "layer4", 512, 2);
  net.site(4);
  return net.mean_pool2d("pool").head("fc", outputs);
}
constexpr layer_list resnet18_layers(head_outputs outputs) { return resnet18_on({3, 32, 32}, outputs); }

template <head_outputs Outputs, class Gate, class Backend, class T>
class resnet18 : public model_of<resnet18_layers, Outputs, Gate, Backend, T> {};

}  // namespace spankey
