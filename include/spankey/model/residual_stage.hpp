// The blocks of residual networks (He et al. 2015), with torchvision's names.
#pragma once

#include <string_view>

#include "spankey/model/layer_list.hpp"

namespace spankey {

/// Appends y = relu(bn2(conv2(relu(bn1(conv1(x))))) + skip(x)), with windows of 3x3. skip is the identity, or where the
/// shape changes a 1x1 convolution and a batch norm: downsample.0 and downsample.1.
constexpr void basic_block(layer_list& net, std::string_view name, index_t channels, index_t stride) {
  const bool changes = stride != 1 || net.now().channels != channels;
  net.residual(name);
  net.conv2d("conv1", channels, {.stride = stride}).batch_norm2d("bn1", activation::relu);
  net.conv2d("conv2", channels).batch_norm2d("bn2");
  if (changes)
    net.skip("downsample").conv2d("0", channels, {.kernel = 1, .stride = stride}).batch_norm2d("1");
  net.join(activation::relu);
}

/// Two basic blocks, "0" and "1"; the first may change the shape.
constexpr void residual_stage(layer_list& net, std::string_view name, index_t channels, index_t stride) {
  net.enter(name);
  basic_block(net, "0", channels, stride);
  basic_block(net, "1", channels, 1);
  net.leave();
}

/// A 3x3 stem of stride 1 without a pool, as on small images.
constexpr void residual_stem(layer_list& net, index_t channels) {
  net.conv2d("conv1", channels).batch_norm2d("bn1", activation::relu);
}

}  // namespace spankey
