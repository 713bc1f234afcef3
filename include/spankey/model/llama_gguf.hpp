// A Llama in a GGUF (file/gguf.hpp) as the network of model/llama.hpp: its sizes, and its weights under Hugging Face's names.
//
//   token_embd -> model.embed_tokens          output_norm -> model.norm           blk.N. -> model.layers.N.
//   attn_norm, ffn_norm -> input_layernorm, post_attention_layernorm              attn_q, _k, _v, _output -> self_attn.*_proj
//   ffn_gate, _up, _down -> mlp.*_proj
// Rows of attn_q and attn_k stand in another order there: llama.cpp turns neighbours (2i, 2i + 1) of a head where Hugging Face
// turns (i, i + D/2), so that row 2i + j of a head is row j D/2 + i here. What this network cannot be is refused: another
// architecture, a head of its own (`output.weight`), scaled or partial rotary positions, tensors that nobody asks for.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "spankey/core/error.hpp"
#include "spankey/core/token.hpp"
#include "spankey/file/gguf_numbers.hpp"
#include "spankey/model/llama.hpp"

namespace spankey {

/// Its sizes; the window is `context` tokens, or as long as the file says where that is 0 or less. Fails with gguf.111 to .114.
inline llama_size llama_size_of(const gguf_file& file, index_t context = 0) {
  const auto refuse = [&](const auto&... what) { fail("gguf.113", file.name(), what...); };
  if (const std::string_view kind = file.text("general.architecture"); kind != "llama")
    refuse("found the architecture ", in_quotes(kind), ", expected \"llama\"");
  const auto whole = [&](const char* key, std::uint64_t most) {
    const std::uint64_t found = file.whole(key);
    if (found < 1 || found > most) refuse(key, ": found ", found, ", expected 1 to ", most);
    return static_cast<index_t>(found);
  };
  llama_size size;
  const auto embedding = file.tensors().find("token_embd.weight");
  if (embedding == file.tensors().end() || embedding->second.shape.size() != 2)
    fail("gguf.112", file.name(), "tensor \"token_embd.weight\": expected a table of two dimensions");
  size.vocabulary = embedding->second.shape[0];
  size.channels = whole("llama.embedding_length", 1 << 16);
  size.hidden = whole("llama.feed_forward_length", 1 << 18);
  size.layers = static_cast<int>(whole("llama.block_count", 38));
  size.heads = static_cast<int>(whole("llama.attention.head_count", 1 << 12));
  size.kv_heads = size.heads;
  if (file.has("llama.attention.head_count_kv"))
    size.kv_heads = static_cast<int>(whole("llama.attention.head_count_kv", 1 << 12));
  size.epsilon = file.real("llama.attention.layer_norm_rms_epsilon");
  if (file.has("llama.rope.freq_base")) size.theta = file.real("llama.rope.freq_base");
  const index_t longest = whole("llama.context_length", 1 << 24);
  size.context = context > 0 ? std::min(context, longest) : longest;
  if (size.vocabulary > most_tokens)
    refuse("found ", size.vocabulary, " tokens, expected at most ", most_tokens);
  if (!(size.theta >= 1 && size.theta < 1e12) || !(size.epsilon > 0 && size.epsilon < 1))
    refuse("found the rotary base ", size.theta, " and the norms' epsilon ", size.epsilon,
           ", expected 1 to 1e12, and a share above 0");
  if (size.channels % size.heads != 0 || size.heads % size.kv_heads != 0)
    refuse("found ", size.channels, " channels in ", size.heads, " heads and ", size.kv_heads,
           " of keys, expected heads that divide them");
  const index_t of_head = size.channels / size.heads;
  for (const char* key :
       {"llama.rope.dimension_count", "llama.attention.key_length", "llama.attention.value_length"})
    if (file.has(key) && file.whole(key) != static_cast<std::uint64_t>(of_head))
      refuse(key, ": found ", file.whole(key), ", expected ", of_head, ", the channels of a head");
  if (file.has("llama.rope.scaling.type") && file.text("llama.rope.scaling.type") != "none")
    refuse("found rotary positions that are scaled, expected none");
  return size;
}

/// A tensor's name in the file, in Hugging Face's, its shape, and how many heads its rows are turned in.
struct llama_tensor {
  std::string in_file, name;
  std::vector<index_t> shape;
  index_t turned = 0;
};

/// All of a network, in the order of its list.
inline std::vector<llama_tensor> llama_tensors(const llama_size& size) {
  const index_t c = size.channels, of_head = c / size.heads, kv = size.kv_heads * of_head;
  std::vector<llama_tensor> all{{"token_embd.weight", "model.embed_tokens.weight", {size.vocabulary, c}}};
  for (int i = 0; i < size.layers; ++i) {
    const std::string from = "blk." + std::to_string(i) + ".", to = "model.layers." + std::to_string(i) + ".";
    const auto add = [&](const char* in_file, const char* name, std::vector<index_t> shape,
                         index_t turned = 0) {
      all.push_back({from + in_file + ".weight", to + name + ".weight", std::move(shape), turned});
    };
    add("attn_norm", "input_layernorm", {c});
    add("attn_q", "self_attn.q_proj", {c, c}, size.heads);
    add("attn_k", "self_attn.k_proj", {kv, c}, size.kv_heads);
    add("attn_v", "self_attn.v_proj", {kv, c});
    add("attn_output", "self_attn.o_proj", {c, c});
    add("ffn_norm", "post_attention_layernorm", {c});
    add("ffn_gate", "mlp.gate_proj", {size.hidden, c});
    add("ffn_up", "mlp.up_proj", {size.hidden, c});
    add("ffn_down", "mlp.down_proj", {c, size.hidden});
  }
  all.push_back({"output_norm.weight", "model.norm.weight", {c}});
  return all;
}

/// Rows (heads x D) of neighbours, as rows whose halves lie apart.
inline std::vector<float> with_halves_apart(const std::vector<float>& rows, index_t heads, index_t columns) {
  std::vector<float> made(rows.size());
  const index_t size = static_cast<index_t>(rows.size()) / columns / heads, half = size / 2;
  for (index_t head = 0; head < heads; ++head)
    for (index_t i = 0; i < half; ++i)
      for (index_t j = 0; j < 2; ++j)
        std::copy_n(rows.begin() + (head * size + 2 * i + j) * columns, columns,
                    made.begin() + (head * size + j * half + i) * columns);
  return made;
}

/// f(name, shape, values) for every tensor of the network, as floats, in the order of its list. Before the first: gguf.112 what is
/// missing or has another shape, gguf.114 what nobody asked for.
template <class F>
void for_each_llama_tensor(const gguf_file& file, const llama_size& size, const F& f) {
  const std::vector<llama_tensor> wanted = llama_tensors(size);
  for (const llama_tensor& t : wanted) (void)file.require(t.in_file, t.shape);
  for (const auto& [name, tensor] : file.tensors())
    if (std::none_of(wanted.begin(), wanted.end(),
                     [&, &of = name](const llama_tensor& t) { return t.in_file == of; }))
      fail("gguf.114", file.name(), "found tensor ", in_quotes(name), ", which this network does not have");
  for (const llama_tensor& t : wanted) {
    const std::vector<float> values = to_float32(file.require(t.in_file, t.shape));
    f(t.name, t.shape, t.turned > 0 ? with_halves_apart(values, t.turned, t.shape[1]) : values);
  }
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
