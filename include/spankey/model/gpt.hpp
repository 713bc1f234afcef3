// GPT-2's architecture (Radford et al., "Language models are unsupervised multitask learners", 2019), with Hugging Face's names:
//   x = wte[token] + wpe[position]                     key site 0
//   h.N   x += c_proj(attention(c_attn(ln_1(x)))), causal;  x += c_proj(gelu(c_fc(ln_2(x)))), 4 C wide, GELU by its tanh
//                                                      key site 1, behind the first half of the blocks
//   logits = ln_f(x) wte^T, for every token
// Weights N(0, 0.02^2), those that end a branch smaller by sqrt(2 layers), biases 0. A sample is {2, T, 1} (core/token.hpp).
#pragma once

#include "spankey/model/model.hpp"

namespace spankey {

/// Rows of both tables, width, depth; `tokens` of a sample are at most `context` (0: as many). Heads divide the channels.
struct gpt_size {
  index_t vocabulary = 272, context = 128, channels = 128;
  int layers = 4, heads = 4;
  index_t tokens = 0;
  key_shape keys = key_shape::element;

  [[nodiscard]] constexpr index_t length() const { return tokens > 0 ? tokens : context; }
};
/// 0.8 million parameters, of bytes (data/byte_tokens.hpp).
inline constexpr gpt_size gpt_nano{};
/// 10.8 million, as nanoGPT trains on Shakespeare.
inline constexpr gpt_size gpt_mini{.context = 256, .channels = 384, .layers = 6, .heads = 6};
/// 124 million: GPT-2, of its own 50,257 tokens.
inline constexpr gpt_size gpt2{
    .vocabulary = 50257, .context = 1024, .channels = 768, .layers = 12, .heads = 12};

/// 1 / sqrt(2 layers), by Newton's method from below: it grows by half a step until it is near.
constexpr double branch_scale(int layers) {
  double found = 1.0 / (2 * layers);
  for (int i = 0; i < 40; ++i) found *= 1.5 - layers * found * found;
  return found;
}

constexpr layer_list gpt_on(const gpt_size& size, head_outputs outputs) {
  const linear_options map{.fill = initialiser::normal, .inputs_first = true};
  const linear_options ends{
      .fill = initialiser::normal, .gain = branch_scale(size.layers), .inputs_first = true};
  const index_t c = size.channels;
  layer_list net("gpt", token_sample(size.length()));
  net.embedding("wte", size.vocabulary, c);
  net.tokens("wpe.weight", {.positions = size.context, .as_matrix = true}).site(0, size.keys);
  for (int i = 0; i < size.layers; ++i) {
    const layer_name block = numbered("h.", i);
    net.residual(block.view()).layer_norm("ln_1").enter("attn");
    net.project("c_attn", 3 * c, map).attention("heads", size.heads, true).project("c_proj", c, ends);
    net.leave().join();
    net.residual(block.view()).layer_norm("ln_2").enter("mlp");
    net.project("c_fc", 4 * c, map).activate("gelu", activation::gelu_tanh).project("c_proj", c, ends);
    net.leave().join();
    if (i + 1 == size.layers / 2) net.site(1, size.keys);
  }
  return net.layer_norm("ln_f").token_head("lm_head", outputs);
}
template <gpt_size Size>
constexpr layer_list gpt_layers(head_outputs outputs) {
  return gpt_on(Size, outputs);
}

template <gpt_size Size, class Gate, class Backend, class T>
class gpt : public model_of<gpt_layers<Size>, head_outputs(Size.vocabulary), Gate, Backend, T> {};

}  // namespace spankey
