// Small networks that between them use everything a list can say: what a list is tested with, forward and backward, in
// memory that is shared and in sessions.
#pragma once

#include "spankey/inject/injector.hpp"
#include "spankey/model/model.hpp"

namespace spankey::test {

/// Odd and even windows, strides, no padding, depthwise and grouped convolutions, smooth activations, an overlapping pool,
/// dropout, a linear layer that is not the last; sites on the input, before an activation (a number a channel) and behind a
/// pool (a number a position).
constexpr layer_list vocabulary(head_outputs outputs) {
  layer_list net("vocabulary", {2, 13, 11});
  net.site(0)
      .conv2d("conv1", 6, {.kernel = 5, .stride = 2, .bias = bias::learned})
      .site(1, key_shape::channel)
      .gelu("gelu1");
  net.conv2d("depthwise", 6, {.kernel = 3, .groups = 6}).batch_norm2d("bn1").silu("silu1");
  net.max_pool2d("pool1", {.kernel = 3, .stride = 2, .padding = 1})
      .site(2, key_shape::token)
      .dropout("drop1", 0.3);
  net.conv2d("conv2", 4, {.kernel = 2, .groups = 2, .bias = bias::learned});
  net.activate("gelu2", activation::gelu_tanh)
      .layer_norm("ln1")
      .conv2d("conv3", 5, {.kernel = 2, .pad = padding::none});
  net.linear("fc1", 7, {.fill = initialiser::xavier_uniform}).relu("relu1");
  return net.head("fc", outputs);
}

/// Blocks in blocks: a projected skip that has a site, an inner block with the identity, F that ends in a block.
constexpr layer_list nested(head_outputs outputs) {
  layer_list net("nested", {3, 6, 5});
  net.site(0).conv2d("conv1", 4).batch_norm2d("bn1", activation::relu);
  net.residual("outer").conv2d("conv1", 6, {.stride = 2}).batch_norm2d("bn1", activation::relu).site(1);
  net.residual("inner").conv2d("conv1", 6).batch_norm2d("bn1", activation::relu);
  net.conv2d("conv2", 6).batch_norm2d("bn2").join(activation::relu);
  net.conv2d("conv2", 6).batch_norm2d("bn2");
  net.skip("downsample").site(2).conv2d("0", 6, {.kernel = 1, .stride = 2}).batch_norm2d("1");
  net.join(activation::relu);
  net.residual("second").conv2d("conv1", 6);
  net.residual("last").conv2d("conv1", 6).batch_norm2d("bn1").join();
  net.join(activation::relu).site(3);
  return net.mean_pool2d("pool").head("fc", outputs);
}

/// Blocks whose norms come first; sums without an activation; norms with other numbers, and some without a scale; dropout at
/// the end of a block.
constexpr layer_list pre_activation(head_outputs outputs) {
  layer_list net("pre_activation", {2, 6, 6});
  net.site(0).conv2d("conv1", 5);
  net.residual("block1").batch_norm2d("bn1", activation::relu).conv2d("conv1", 5);
  net.batch_norm2d("bn2", activation::relu, {.epsilon = 1e-3, .momentum = 0.3}).conv2d("conv2", 5).join();
  net.site(1);
  net.residual("block2").batch_norm2d("bn1", activation::relu, {.scale = false, .shift = false}).site(2);
  net.conv2d("conv1", 7, {.stride = 2}).batch_norm2d("bn2", activation::relu).conv2d("conv2", 7);
  net.skip("shortcut").max_pool2d("pool", {.kernel = 3, .stride = 2, .padding = 1});
  net.conv2d("0", 7, {.kernel = 1}).join();
  net.residual("block3").layer_norm("ln1").conv2d("conv1", 7).dropout("drop1", 0.2).join();
  net.residual("block4")
      .layer_norm("ln1", {.epsilon = 1e-3, .scale = false})
      .conv2d("conv1", 7)
      .gelu("gelu1");
  net.join().batch_norm2d("bn3", activation::relu).mean_pool2d("pool");
  return net.head("fc", outputs);
}

/// What is left of the shapes that a block can have: F of one convolution, of one norm, of an activation alone; a skip path
/// of a norm, of a site, of a block; a block on the input; a site at the end of F.
constexpr layer_list odd_blocks(head_outputs outputs) {
  layer_list net("odd_blocks", {3, 5, 4});
  net.residual("a").conv2d("conv1", 3, {.bias = bias::learned}).join();
  net.residual("b").batch_norm2d("bn1").join(activation::relu);
  net.residual("c").silu("silu").skip("norm").batch_norm2d("bn").join();
  net.residual("d")
      .conv2d("conv1", 3)
      .batch_norm2d("bn1")
      .site(0)
      .skip("keyed")
      .site(1)
      .join(activation::relu);
  net.residual("e").conv2d("conv1", 3, {.groups = 3}).gelu("gelu");
  net.skip("deep");
  net.residual("inner").batch_norm2d("bn1", activation::relu).conv2d("conv1", 3).batch_norm2d("bn2").join();
  net.join(activation::relu);
  net.residual("f").relu("relu").join();
  net.residual("g").conv2d("conv1", 3).batch_norm2d("bn1").skip("same").batch_norm2d("bn");
  net.join().site(2);
  return net.head("fc", outputs);
}

/// Patches to tokens with a class token, two blocks of attention (the first one causal), maps of tokens; sites with a number
/// an element, a channel and, in a block, a token.
constexpr layer_list transformer(head_outputs outputs) {
  constexpr linear_options wide{.fill = initialiser::normal, .gain = 10};
  layer_list net("transformer", {2, 6, 9});
  net.conv2d("patch", 8,
             {.kernel = 3, .stride = 3, .pad = padding::none, .bias = bias::learned, .draws_bias = true});
  net.tokens("pos_embed", {.class_token = true}).site(0);
  for (int block = 0; block < 2; ++block) {
    net.residual(numbered("blocks.", block).view()).layer_norm("norm1", {.epsilon = 1e-6});
    net.project("qkv", 24, wide).attention("attention", block == 0 ? 2 : 1, block == 0);
    if (block == 1) net.site(2, key_shape::token);
    net.project("proj", 8, wide).join();
    net.residual(numbered("blocks.", block).view()).layer_norm("norm2");
    net.project("fc1", 12, {.inputs_first = true});
    net.activate("act", block == 0 ? activation::gelu : activation::gelu_tanh).project("fc2", 8, wide).join();
    if (block == 0) net.site(1, key_shape::channel);
  }
  net.layer_norm("norm").token("first", 0);
  return net.head("fc", outputs);
}

/// The smallest list: a site and a head.
constexpr layer_list site_and_head(head_outputs outputs) {
  layer_list net("site_and_head", {4, 2, 1});
  return net.site(0).head("fc", outputs);
}

/// The network of a list, with a gate at its first `Sites` sites.
template <auto Layers, class Injector, class Sites, class Backend, class T, head_outputs Outputs = 5>
using made_of = model_of<Layers, Outputs, gate<Injector, Sites>, Backend, T>;

}  // namespace spankey::test
