// Vision transformer (Dosovitskiy et al. 2021) as timm's vit_tiny_patch16_224 with patches of 4 x 4: for 3x32x32 images 64
// tokens of 192 channels and a class token, 12 pre-norm blocks of attention (3 heads) and a two-layer network with GELU,
// norm, linear head on the class token; 5.4 million parameters, timm's names, no dropout.
//   x = tokens(patches)    12 times: x += proj(attention(qkv(norm1 x))), x += fc2(gelu(fc1(norm2 x)))    head(norm x at 0)
// Key sites: 0 on the tokens, positions included, 1 after the first half of the blocks. They take a number an element, a
// token or a channel (vit_options). docs/training.md has the recipe.
#pragma once

#include "spankey/model/model.hpp"

namespace spankey {

/// Sizes of a vision transformer; `heads` divides `channels`, the network between two sums is four times as wide.
struct vit_options {
  index_t patch = 4, channels = 192, heads = 3;
  int depth = 12;
  key_shape key = key_shape::element;
};

/// A block; its two sums have one name.
constexpr void vit_block(layer_list& net, std::string_view name, const vit_options& o) {
  constexpr linear_options drawn{.fill = initialiser::normal};
  constexpr layer_norm_options norm{.epsilon = 1e-6};
  net.residual(name).layer_norm("norm1", norm).enter("attn");
  net.project("qkv", 3 * o.channels, drawn).attention("heads", o.heads).project("proj", o.channels, drawn);
  net.leave().join();
  net.residual(name).layer_norm("norm2", norm).enter("mlp");
  net.project("fc1", 4 * o.channels, drawn).gelu("act").project("fc2", o.channels, drawn);
  net.leave().join();
}

/// Of any sizes, for an input of any extents that hold a patch; rows and columns that fill none are left out.
constexpr layer_list vit_on(std::string_view name, const extents& input, head_outputs outputs,
                            const vit_options& o) {
  layer_list net(name, input);
  net.conv2d("patch_embed.proj", o.channels,
             {.kernel = o.patch,
              .stride = o.patch,
              .pad = padding::none,
              .bias = bias::learned,
              .fill = initialiser::uniform_fan_in,
              .draws_bias = true});
  net.tokens("pos_embed", {.class_token = true}).site(0, o.key);
  for (int block = 0; block < o.depth; ++block) {
    vit_block(net, numbered("blocks.", block).view(), o);
    if (block + 1 == o.depth / 2) net.site(1, o.key);
  }
  net.layer_norm("norm", {.epsilon = 1e-6}).token("class", 0);
  return net.head("head", outputs, {.fill = initialiser::normal});
}

/// For an input of any extents that it fits.
constexpr layer_list vit_tiny_on(const extents& input, head_outputs outputs) {
  return vit_on("vit_tiny", input, outputs, {});
}
constexpr layer_list vit_tiny_layers(head_outputs outputs) { return vit_tiny_on({3, 32, 32}, outputs); }

template <head_outputs Outputs, class Gate, class Backend, class T>
class vit_tiny : public model_of<vit_tiny_layers, Outputs, Gate, Backend, T> {};

}  // namespace spankey
