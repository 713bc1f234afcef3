// What model/layer_list.hpp says of networks of tokens: embeddings, maps of tokens, attention and its positions, the head.
#pragma once

#include "spankey/model/layer_list.hpp"

namespace spankey {

constexpr layer_list& layer_list::embedding(std::string_view name, index_t vocabulary, index_t channels) {
  layer_description d = described(layer_kind::embedding, name);
  d.vocabulary = vocabulary;
  if (vocabulary < 1 || channels < 1) fault(list_fault::window);
  if (count_ != 0 || now_.channels != 2 || now_.width != 1) return fault(list_fault::tokens);
  return add(d, {channels, now_.height, 1});
}

constexpr layer_list& layer_list::tokens(std::string_view name, const tokens_options& o) {
  layer_description d = described(layer_kind::tokens, name);
  d.tokens = o;
  for (std::size_t i = 0; o.class_token && i < count_; ++i)
    if (layers_[i].tokens.class_token) fault(list_fault::name);
  if (o.positions != 0 && o.positions < o.output_of(now_).height) fault(list_fault::tokens);
  return add(d, o.output_of(now_));
}

constexpr layer_list& layer_list::project(std::string_view name, index_t outputs, const linear_options& o) {
  if (outputs < 1) fault(list_fault::window);
  layer_description d = described(layer_kind::project, name);
  d.map = o;
  return add(d, {outputs, now_.height, now_.width});
}

constexpr layer_list& layer_list::project(std::string_view names, const joint_outputs& outputs,
                                          const linear_options& o) {
  layer_description d = described(layer_kind::project, names);
  d.map = o, d.map.shift = false, d.joint = outputs;
  std::size_t parts = 1;
  for (const char letter : names) parts += letter == '|' ? 1 : 0;
  if (outputs.count() < 2 || parts != outputs.count()) return fault(list_fault::tokens);
  return add(d, {outputs.total(), now_.height, now_.width});
}

constexpr layer_list& layer_list::attention(std::string_view name, const attention_options& o) {
  layer_description d = described(layer_kind::attention, name);
  d.attention = o;
  if (!o.fits(now_)) return fault(list_fault::tokens);
  return add(d, {o.outputs(now_), now_.height, 1});
}

constexpr layer_list& layer_list::attention(std::string_view name, index_t heads, bool causal) {
  return attention(name, attention_options{.heads = heads, .causal = causal});
}

constexpr layer_list& layer_list::rotary(std::string_view name, const rotary_options& o) {
  layer_description d = described(layer_kind::rotary, name);
  d.rotary = o;
  if (!o.fits(now_)) return fault(list_fault::tokens);
  return add(d, now_);
}

constexpr layer_list& layer_list::gated(std::string_view name, activation act) {
  layer_description d = described(layer_kind::gated, name);
  d.after = act;
  if (now_.channels % 2 != 0) return fault(list_fault::tokens);
  return add(d, {now_.channels / 2, now_.height, now_.width});
}

constexpr layer_list& layer_list::token(std::string_view name, index_t index) {
  layer_description d = described(layer_kind::token, name);
  d.token = index;
  if (index < 0 || index >= now_.height || now_.width != 1) return fault(list_fault::tokens);
  return add(d, {now_.channels, 1, 1});
}

constexpr layer_list& layer_list::token_head(std::string_view name, const head_outputs& outputs) {
  if (depth_ != 0) fault(list_fault::block);
  outputs_ = outputs;
  layer_description d = described(layer_kind::head, name);
  d.per_token = true;
  if (count_ == 0 || layers_[0].kind != layer_kind::embedding || layers_[0].out.channels != now_.channels ||
      now_.height != input_.height || now_.width != 1 || layers_[0].vocabulary != outputs.softmax ||
      outputs.aux != aux_logit::none)
    return fault(list_fault::tokens);
  return add(d, {outputs, now_.height, 1});
}

}  // namespace spankey
