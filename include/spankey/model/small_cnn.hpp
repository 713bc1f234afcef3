// Small convolutional network for 1x28x28 images (MNIST): twice [3x3 convolution with bias, ReLU, 2x2
// max-pool] with 16 and 32 channels, then a linear head on the 32x7x7 features. 20 thousand parameters. Key
// sites: 0 input, 1 after the first pool, 2 after the second pool.
#pragma once

#include "spankey/model/model.hpp"

namespace spankey {

/// For an input of any extents that it fits.
constexpr layer_list small_cnn_on(const extents& input, head_outputs outputs) {
  layer_list net("small_cnn", input);
  net.site(0);
  net.conv2d("conv1", 16, {.bias = bias::learned}).relu("relu1").max_pool2d("pool1").site(1);
  net.conv2d("conv2", 32, {.bias = bias::learned}).relu("relu2").max_pool2d("pool2").site(2);
  return net.head("fc", outputs);
}
constexpr layer_list small_cnn_layers(head_outputs outputs) { return small_cnn_on({1, 28, 28}, outputs); }

template <head_outputs Outputs, class Gate, class Backend, class T>
class small_cnn : public model_of<small_cnn_layers, Outputs, Gate, Backend, T> {};

}  // namespace spankey
