// The network that learns CIFAR-10 in the fewest operations: airbench94's (Jordan, "94 % on CIFAR-10 in 3.29 seconds on a
// single GPU", 2024; with Muon: github.com/KellerJordan/cifar10-airbench). 2.0 million parameters.
//   whitening 2x2 convolution without padding, 24 filters of the images' own statistics (train/whiten.hpp), GELU
//   three groups of 64, 256, 256 channels: 3x3 convolution, 2x2 max-pool, batch norm, GELU, 3x3 convolution, batch norm, GELU
//   3x3 max-pool, linear head
// Batch norms have no trained scale and forget fast. Key sites: 0, 1, 2 behind the groups. It wants train/whiten.hpp and
// optim/muon.hpp: docs/training.md has the recipe.
#pragma once

#include "spankey/model/model.hpp"

namespace spankey {

/// For an input of any extents that it fits: at least 26 x 26.
constexpr layer_list fast_cnn_on(const extents& input, head_outputs outputs) {
  constexpr batch_norm_options norm{.epsilon = 1e-12, .momentum = 0.4, .scale = false};
  constexpr conv2d_options same{.fill = initialiser::dirac_uniform};
  layer_list net("fast_cnn", input);
  net.conv2d("whiten", 8 * input.channels, {.kernel = 2, .pad = padding::none, .bias = bias::learned});
  net.gelu("gelu");
  for (int group = 0; group < 3; ++group) {
    const index_t channels = group == 0 ? 64 : 256;
    net.enter(numbered("group", group + 1).view());
    net.conv2d("conv1", channels, same).max_pool2d("pool").batch_norm2d("norm1", activation::identity, norm);
    net.gelu("gelu1");
    net.conv2d("conv2", channels, same).batch_norm2d("norm2", activation::identity, norm).gelu("gelu2");
    net.leave().site(group);
  }
  net.max_pool2d("pool", {.kernel = 3, .stride = 3});
  // Logits of deviation 1/sqrt(256) of that of a feature: weights whose deviation is 1/256.
  return net.head("fc", outputs, {.gain = 0.10825317547305482});
}
constexpr layer_list fast_cnn_layers(head_outputs outputs) { return fast_cnn_on({3, 32, 32}, outputs); }

template <head_outputs Outputs, class Gate, class Backend, class T>
class fast_cnn : public model_of<fast_cnn_layers, Outputs, Gate, Backend, T> {};

}  // namespace spankey
