// A network as one list: its layers in data order, each named once, by the name that PyTorch's module has.
//
//   constexpr layer_list tiny(head_outputs outputs) {
//     layer_list net("tiny", {1, 28, 28});                 // name in files, C, H, W of a sample
//     net.site(0);                                         // a key site, on the input
//     net.conv2d("conv1", 16, {.bias = bias::learned}).relu("relu1").max_pool2d("pool1").site(1);
//     net.residual("layer1");                              // y = act(F(x) + skip(x)): F from here,
//     net.conv2d("conv1", 32).batch_norm2d("bn1");
//     net.skip("downsample").conv2d("0", 32, {.kernel = 1}).batch_norm2d("1");   // skip from here; without: x itself
//     net.join(activation::relu);                          // to here
//     return net.head("fc", outputs);
//   }
//   using network = model_of<tiny, 10, gate<multiplicative, at<0, 1>>, backend::cpu, float>;      (model/model.hpp)
// Shapes follow from the input. Names within a block stand behind the block's own: "layer1.downsample.0". A list may also be
// made at run time (model/sized_model.hpp). Its first mistake is kept: no model of it compiles, or is made (model.101).
#pragma once

#include <array>
#include <string_view>

#include "spankey/backend/backend.hpp"
#include "spankey/core/head_outputs.hpp"
#include "spankey/model/layer_description.hpp"

namespace spankey {

class layer_list {
 public:
  static constexpr std::size_t most_layers = 512, most_sites = 32, most_depth = 8;

  constexpr layer_list(std::string_view name, const extents& input)
      : name_(name), input_(input), now_(input) {
    if (input.channels < 1 || input.height < 1 || input.width < 1) fault(list_fault::window);
    if (name.empty() || name_.view() != name) fault(list_fault::name);
  }

  /// Which elements a number of every site's key acts on, instead of what site() said.
  constexpr layer_list& give_keys(key_shape key) {
    for (std::size_t i = 0; i < count_; ++i)
      if (layer_description& d = layers_[i]; d.kind == layer_kind::site && d.site < int{most_sites})
        d.key = key, sites_[static_cast<std::size_t>(d.site)] = extents_of_key(d.in, key);
    return *this;
  }
  /// A key site where the activation is now, on the input if nothing stands before it. Numbers count from 0; `key` says
  /// which elements a number of its key acts on.
  constexpr layer_list& site(int number, key_shape key = key_shape::element) {
    if (number != static_cast<int>(site_count_) || site_count_ == most_sites) fault(list_fault::site_order);
    layer_name text("gate");
    text.append_number(number);
    layer_description d{.kind = layer_kind::site, .name = prefix_, .site = number, .key = key};
    d.name.append(text.view());
    if (site_count_ < most_sites) sites_[site_count_++] = extents_of_key(now_, key);
    return add(d, now_);
  }
  /// y (H', W', channels); window, stride, padding and bias as `o` says.
  constexpr layer_list& conv2d(std::string_view name, index_t channels, const conv2d_options& o = {}) {
    layer_description d = described(layer_kind::conv2d, name);
    d.conv = o;
    if (!o.fits(now_.channels, channels)) return fault(list_fault::window);
    if (o.output_of(now_.height) < 1 || o.output_of(now_.width) < 1) fault(list_fault::window);
    return add(d, {channels, o.output_of(now_.height), o.output_of(now_.width)});
  }
  /// Over the channels, with an activation that is fused into it.
  constexpr layer_list& batch_norm2d(std::string_view name, activation after = activation::identity,
                                     const batch_norm_options& o = {}) {
    layer_description d = described(layer_kind::batch_norm2d, name);
    d.after = after, d.norm = o;
    if (!can_fuse(after)) fault(list_fault::fused);
    return add(d, now_);
  }
  /// Over the channels of every position.
  constexpr layer_list& layer_norm(std::string_view name, const layer_norm_options& o = {}) {
    layer_description d = described(layer_kind::layer_norm, name);
    d.norm = {.epsilon = o.epsilon, .scale = o.scale, .shift = o.centred};
    return add(d, now_);
  }
  /// In training passes only.
  constexpr layer_list& dropout(std::string_view name, double probability) {
    layer_description d = described(layer_kind::dropout, name);
    d.drops = probability;
    if (!(probability >= 0 && probability < 1)) fault(list_fault::probability);
    return add(d, now_);
  }
  constexpr layer_list& activate(std::string_view name, activation act) {
    layer_description d = described(layer_kind::activation, name);
    d.after = act;
    return add(d, now_);
  }
  constexpr layer_list& relu(std::string_view name) { return activate(name, activation::relu); }
  constexpr layer_list& gelu(std::string_view name) { return activate(name, activation::gelu); }
  constexpr layer_list& silu(std::string_view name) { return activate(name, activation::silu); }
  /// Without options: windows of 2x2 side by side; an odd last row or column is dropped.
  constexpr layer_list& max_pool2d(std::string_view name, const pool2d_options& o = {}) {
    layer_description d = described(layer_kind::max_pool2d, name);
    d.pool = o;
    if (!o.fits()) return fault(list_fault::window);
    const extents out{now_.channels, o.output_of(now_.height), o.output_of(now_.width)};
    if (out.height < 1 || out.width < 1) return fault(list_fault::window);
    return add(d, out);
  }
  /// The mean over H x W: a vector of C features.
  constexpr layer_list& mean_pool2d(std::string_view name) {
    return add(described(layer_kind::mean_pool2d, name), {now_.channels, 1, 1});
  }
  /// A linear map of all C*H*W numbers.
  constexpr layer_list& linear(std::string_view name, index_t outputs, const linear_options& o = {}) {
    if (outputs < 1) fault(list_fault::window);
    layer_description d = described(layer_kind::linear, name);
    d.map = o;
    return add(d, {outputs, 1, 1});
  }
  /// A row of a table of `vocabulary` for every token: {2, T, 1} (core/token.hpp) -> {channels, T, 1}. The first layer.
  constexpr layer_list& embedding(std::string_view name, index_t vocabulary, index_t channels);
  /// Every place of the image becomes a token, row by row: {C, T, 1}, with a trained position each. `name` is that of the
  /// positions in files; a class token is `cls_token` beside it.
  constexpr layer_list& tokens(std::string_view name, const tokens_options& o = {});
  /// A linear map of every token: {C, T, 1} -> {outputs, T, 1}.
  constexpr layer_list& project(std::string_view name, index_t outputs, const linear_options& o = {});
  /// Two or three such maps of the same tokens, without biases, side by side: "q_proj|k_proj|v_proj" are three parameters.
  constexpr layer_list& project(std::string_view names, const joint_outputs& outputs,
                                const linear_options& o = {});
  /// Of queries, keys and values beside each other: {3C, T, 1} -> {C, T, 1}; where keys are fewer, x has fewer channels.
  constexpr layer_list& attention(std::string_view name, const attention_options& o);
  constexpr layer_list& attention(std::string_view name, index_t heads, bool causal = false);
  /// Turns the first heads of every token by its position.
  constexpr layer_list& rotary(std::string_view name, const rotary_options& o);
  /// act(g) u of gates g and what they let through: {2C, H, W} -> {C, H, W}.
  constexpr layer_list& gated(std::string_view name, activation act);
  /// One token of T: {C, T, 1} -> {C, 1, 1}.
  constexpr layer_list& token(std::string_view name, index_t index);
  /// Opens a block y = act(F(x) + skip(x)): the layers of F follow.
  constexpr layer_list& residual(std::string_view name) {
    if (depth_ == most_depth) return fault(list_fault::block);
    blocks_[depth_++] = {.begin = count_, .skip = 0, .prefix = prefix_.size(), .in = now_, .inner = {}};
    enter(name);
    return add({.kind = layer_kind::residual, .name = block_name()}, now_);
  }
  /// Ends F and begins the layers that x goes through beside it. Without this, x itself is added.
  constexpr layer_list& skip(std::string_view name) {
    if (depth_ == 0 || blocks_[depth_ - 1].skip != 0) return fault(list_fault::block);
    open_block& b = blocks_[depth_ - 1];
    b.skip = count_, b.inner = now_;
    enter(name);
    now_ = b.in;
    return add({.kind = layer_kind::skip, .name = block_name()}, now_);
  }
  /// Ends the block: both are added, then `after`.
  constexpr layer_list& join(activation after = activation::identity) {
    if (depth_ == 0) return fault(list_fault::block);
    const open_block b = blocks_[--depth_];
    const bool projects = b.skip != 0;
    if ((projects ? b.inner : b.in) != now_) fault(list_fault::shapes_differ);
    if (b.begin + 1 == (projects ? b.skip : count_)) fault(list_fault::block);
    prefix_.resize(b.prefix);
    if (!can_fuse(after)) fault(list_fault::fused);
    layer_description d{.kind = layer_kind::join, .name = layers_[b.begin].name, .after = after};
    d.begin = b.begin, d.skip = projects ? b.skip : count_, d.sum = count_;
    // A batch norm that ends F adds and activates in its own pass over memory.
    layer_description& end_of_f = layers_[d.skip - 1];
    if (end_of_f.kind == layer_kind::batch_norm2d && end_of_f.after == activation::identity &&
        d.skip > b.begin + 2)
      end_of_f.after = after, end_of_f.takes_sum = true, d.sum = d.skip - 1;
    if (count_ < most_layers) layers_[b.begin].skip = d.skip, layers_[b.begin].join = count_;
    return add(d, now_);
  }
  /// What follows is named behind `name`, until leave().
  constexpr layer_list& enter(std::string_view name) {
    if (!prefix_.append(name) || !prefix_.append(".")) fault(list_fault::name);
    return *this;
  }
  constexpr layer_list& leave() {
    prefix_.resize(prefix_.size() > 0 ? prefix_.size() - 1 : 0);
    while (prefix_.size() > 0 && prefix_.view().back() != '.') prefix_.resize(prefix_.size() - 1);
    return *this;
  }
  /// The last layer: logits in master_t, and where `outputs` says so a reject logit beside them.
  constexpr layer_list& head(std::string_view name, const head_outputs& outputs,
                             const linear_options& o = {}) {
    if (depth_ != 0) fault(list_fault::block);
    outputs_ = outputs;
    if (outputs.softmax < 1) fault(list_fault::window);
    // The map of a reject logit has a name of its own beside the head's.
    for (std::size_t i = 0; outputs.aux != aux_logit::none && i < count_; ++i)
      if (layers_[i].has_tensors() && layers_[i].name.view() == "fc_aux") fault(list_fault::name);
    if (outputs.aux != aux_logit::none && name == "fc_aux") fault(list_fault::name);
    layer_description d = described(layer_kind::head, name);
    d.map = o;
    return add(d, {outputs, 1, 1});
  }

  /// The last layer of a network of tokens: logits for every token, by the table of its embedding, which is its first layer.
  /// `outputs`: as many as the table has rows, no reject logit beside them.
  constexpr layer_list& token_head(std::string_view name, const head_outputs& outputs);

  [[nodiscard]] constexpr std::string_view name() const { return name_.view(); }
  /// Shape of the activation behind the last entry.
  [[nodiscard]] constexpr const extents& now() const { return now_; }
  [[nodiscard]] constexpr const extents& input() const { return input_; }
  [[nodiscard]] constexpr const head_outputs& outputs() const { return outputs_; }
  [[nodiscard]] constexpr std::size_t size() const { return count_; }
  [[nodiscard]] constexpr const layer_description& operator[](std::size_t i) const { return layers_[i]; }
  [[nodiscard]] constexpr const layer_description* begin() const { return layers_.data(); }
  [[nodiscard]] constexpr const layer_description* end() const { return layers_.data() + count_; }
  /// Extents of the key of every site.
  [[nodiscard]] constexpr std::size_t site_count() const { return site_count_; }
  [[nodiscard]] constexpr const extents& site_shape(std::size_t site) const { return sites_[site]; }
  /// The first mistake, and the layer that it was made at.
  [[nodiscard]] constexpr list_fault found() const {
    if (fault_ != list_fault::none) return fault_;
    if (name_.size() == 0 || name_.size() > 31) return list_fault::name;
    return count_ == 0 || layers_[count_ - 1].kind != layer_kind::head ? list_fault::no_head
                                                                       : list_fault::none;
  }
  [[nodiscard]] constexpr std::string_view fault_at() const { return fault_at_.view(); }
  template <class Chosen>  // model/inserted_layers.hpp
  friend constexpr layer_list with_inserted(const layer_list& list, inserted_kind kind, const Chosen& chosen);
  template <class Chosen>  // model/adapters.hpp
  friend constexpr layer_list with_adapters(layer_list list, index_t rank, double alpha,
                                            const Chosen& chosen);
  friend constexpr layer_list cut_behind(const layer_list&, std::size_t, std::string_view);  // cut_list.hpp

 private:
  struct open_block {
    std::size_t begin = 0, skip = 0, prefix = 0;
    extents in{}, inner{};
  };

  [[nodiscard]] constexpr layer_name block_name() const {  // the prefix without its point
    layer_name name = prefix_;
    name.resize(name.size() > 0 ? name.size() - 1 : 0);
    return name;
  }
  static constexpr bool can_fuse(activation after) {
    return after == activation::identity || after == activation::relu;
  }
  constexpr layer_description described(layer_kind kind, std::string_view name) {
    layer_description d{.kind = kind, .name = prefix_};
    if (name.empty() || !d.name.append(name)) fault(list_fault::name);
    for (const layer_description& l : *this)
      if (l.has_tensors() && l.name.view() == d.name.view()) fault(list_fault::name);
    return d;
  }
  constexpr layer_list& add(layer_description d, const extents& out) {
    if (count_ == most_layers) return fault(list_fault::too_many);
    if (count_ > 0 && layers_[count_ - 1].kind == layer_kind::head) return fault(list_fault::no_head);
    d.in = now_, d.out = out;
    layers_[count_++] = d;
    now_ = out;
    return *this;
  }
  constexpr layer_list& fault(list_fault found) {
    if (fault_ == list_fault::none) {
      fault_ = found;
      if (count_ > 0) fault_at_ = layers_[count_ - 1].name;
    }
    return *this;
  }

  layer_name name_;
  extents input_, now_;
  head_outputs outputs_{0};
  std::size_t count_ = 0, site_count_ = 0, depth_ = 0;
  layer_name prefix_{}, fault_at_{};
  list_fault fault_ = list_fault::none;
  std::array<extents, most_sites> sites_{};
  std::array<open_block, most_depth> blocks_{};
  std::array<layer_description, most_layers> layers_{};
};

}  // namespace spankey

#include "spankey/model/layer_list_tokens.hpp"
