// Llama's architecture (Touvron et al., "LLaMA", 2023; grouped queries as in Llama 2), with Hugging Face's names:
//   x = embed_tokens[token]                                               key site 0
//   layers.N  x += o_proj(attention(rotary(q|k|v_proj(input_layernorm(x))))), causal, fewer heads of keys and values
//             x += down_proj(silu(gate_proj(h)) up_proj(h)), h = post_attention_layernorm(x)
//                                                      key site 1, behind the first half of the blocks
//   logits = norm(x) embed_tokens^T, for every token
// Norms are RMS norms, maps have no biases, positions are those of rotary alone. Weights N(0, 0.02^2), those that end a branch
// smaller by sqrt(2 layers). A sample is {2, T, 1} (core/token.hpp).
#pragma once

#include "spankey/model/gpt.hpp"

namespace spankey {

/// kv_heads divides heads, heads the channels into an even number each. `hidden`: channels of gates, and of what they let through.
struct llama_size {
  index_t vocabulary = 272, context = 128, channels = 128, hidden = 352;
  int layers = 4, heads = 4, kv_heads = 2;
  double theta = 10000, epsilon = 1e-5;
  key_shape keys = key_shape::element;
};
/// 0.8 million parameters, of bytes (data/byte_tokens.hpp).
inline constexpr llama_size llama_nano{};
/// 135 million: SmolLM2-135M, of 49,152 tokens; its tables of rotary positions go on to 8,192.
inline constexpr llama_size smollm2_135m{.vocabulary = 49152,
                                         .context = 2048,
                                         .channels = 576,
                                         .hidden = 1536,
                                         .layers = 30,
                                         .heads = 9,
                                         .kv_heads = 3,
                                         .theta = 100000};

constexpr layer_list llama_on(const llama_size& size, head_outputs outputs) {
  const linear_options map{.fill = initialiser::normal, .shift = false};
  const linear_options ends{.fill = initialiser::normal, .gain = branch_scale(size.layers), .shift = false};
  const layer_norm_options rms{.epsilon = size.epsilon, .centred = false};
  const index_t c = size.channels, heads = size.heads, kv_heads = size.kv_heads, of_head = c / heads;
  layer_list net("llama", token_sample(size.context));
  net.embedding("model.embed_tokens", size.vocabulary, c).site(0, size.keys);
  for (int i = 0; i < size.layers; ++i) {
    const layer_name block = numbered("model.layers.", i);
    net.residual(block.view()).layer_norm("input_layernorm", rms).enter("self_attn");
    net.project("q_proj|k_proj|v_proj", {c, kv_heads * of_head, kv_heads * of_head}, map);
    net.rotary("rotary", {.heads = heads + kv_heads, .size = of_head, .theta = size.theta});
    net.attention("heads", {.heads = heads, .causal = true, .kv_heads = kv_heads});
    net.project("o_proj", c, ends).leave().join();
    net.residual(block.view()).layer_norm("post_attention_layernorm", rms).enter("mlp");
    net.project("gate_proj|up_proj", {size.hidden, size.hidden}, map).gated("silu", activation::silu);
    net.project("down_proj", c, ends).leave().join();
    if (i + 1 == size.layers / 2) net.site(1, size.keys);
  }
  return net.layer_norm("model.norm", rms).token_head("lm_head", outputs);
}
/// `Of::size` is a llama_size: one has numbers that are no template arguments yet.
template <class Of>
constexpr layer_list llama_layers(head_outputs outputs) {
  return llama_on(Of::size, outputs);
}

template <class Of, class Gate, class Backend, class T>
class llama : public model_of<llama_layers<Of>, head_outputs(Of::size.vocabulary), Gate, Backend, T> {};

}  // namespace spankey
