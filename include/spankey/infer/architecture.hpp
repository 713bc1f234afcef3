// A list of layers as a constant table of operations, which is all that inference needs to know of a network.
//
// The list is walked once. A batch norm is folded into the weights before it. An activation, a 2x2 max-pool, a site and
// the sum of a block are done by the operation before, where their order allows it; else each is an operation of its
// own. Dropout is none. A slot is free again once nothing will read it. In prose: docs/method.md, section 6.
#pragma once

#include <array>
#include <cstddef>
#include <span>

#include "spankey/infer/operation.hpp"
#include "spankey/model/layer_list.hpp"

namespace spankey::infer {

class operation_table {
 public:
  static constexpr int most_slots = 2 * layer_list::most_depth + 2;

  constexpr operation_table(const extents& input, std::span<const layer_description> list) : now_(input) {
    for (std::size_t i = 0; i < list.size(); ++i) add(list[i], static_cast<int>(i));
  }

  [[nodiscard]] constexpr std::size_t size() const { return count_; }
  [[nodiscard]] constexpr const operation& operator[](std::size_t i) const { return all_[i]; }
  [[nodiscard]] constexpr std::span<const operation> operations() const { return {all_.data(), count_}; }
  /// Slots for activations; slot 0 holds the input.
  [[nodiscard]] constexpr int slots() const { return slots_; }
  /// The site that stands on the input, or no_site.
  [[nodiscard]] constexpr int input_site() const { return input_site_; }
  [[nodiscard]] constexpr key_shape input_key() const { return input_key_; }
  /// False for a network of tokens that looks ahead, or answers once a window: sessions run it token by token.
  [[nodiscard]] constexpr bool supported() const { return context_ == 0 || reads_on_; }

 private:
  struct open_block {
    int input = 0, inner = no_slot;
    extents shape{};
  };

  static constexpr bool reads_on(const layer_description& d) {
    return d.kind == layer_kind::attention ? d.attention.causal
           : d.kind == layer_kind::head
               ? d.per_token
               : d.kind != layer_kind::token && d.kind != layer_kind::mean_pool2d &&
                     d.kind != layer_kind::max_pool2d && d.kind != layer_kind::conv2d &&
                     d.kind != layer_kind::linear && d.kind != layer_kind::batch_norm2d;
  }
  constexpr void add(const layer_description& d, int entry) {
    reads_on_ = reads_on_ && reads_on(d);
    switch (d.kind) {
      case layer_kind::site:
        return add_site(d);
      case layer_kind::conv2d:
        return add_weights(d, entry, d.conv);
      case layer_kind::embedding:
        context_ = now_.height;
        now_ = {1, 1, 1};
        return add_apart({.kind = operation_kind::embedding, .vocabulary = d.vocabulary, .entry = entry}, d);
      case layer_kind::head:
        if (d.per_token)
          return append({.kind = operation_kind::token_head,
                         .in = now_,
                         .channels = d.out.channels,
                         .convolved = of_pass(d.out)});
        [[fallthrough]];
      case layer_kind::linear:
        now_ = {d.in.size(), 1, 1};  // all of x at once, whatever its shape
        return add_weights(d, entry, {.kernel = 1});
      case layer_kind::project:
        return add_weights(d, entry, {.kernel = 1});
      case layer_kind::tokens:
        return add_apart({.kind = operation_kind::tokens, .entry = entry}, d);
      case layer_kind::token:
        return add_apart({.kind = operation_kind::token, .token = d.token}, d);
      case layer_kind::attention:
        return add_apart({.kind = operation_kind::attention, .attention = d.attention}, d);
      case layer_kind::rotary:
        return add_apart({.kind = operation_kind::rotary, .rotary = d.rotary}, d);
      case layer_kind::gated:
        return add_apart({.kind = operation_kind::gated, .act = d.after}, d);
      case layer_kind::batch_norm2d:
        return add_norm(d, entry);
      case layer_kind::layer_norm:
        append({.kind = operation_kind::layer_norm,
                .in = now_,
                .channels = now_.channels,
                .convolved = now_,
                .epsilon = static_cast<float>(d.norm.epsilon),
                .centred = d.norm.shift,
                .norm = d.norm.scale ? entry : no_entry});
        return;
      case layer_kind::dropout:
        return;  // of training only
      case layer_kind::activation:
        return add_activation(d.after);
      case layer_kind::max_pool2d:
        if (!halves(d))
          return add_apart({.kind = operation_kind::max_pool,
                            .kernel = d.pool.kernel,
                            .stride = d.pool.stride,
                            .padding = d.pool.padding},
                           d);
        if (!open_ || last().halves || site_is_last()) add_elementwise();
        last().halves = true;
        now_ = last().out();
        return;
      case layer_kind::mean_pool2d:
        return add_apart({.kind = operation_kind::mean}, d);
      case layer_kind::residual:
        blocks_[depth_++] = {.input = value_, .inner = no_slot, .shape = now_};
        open_ = false;
        return;
      case layer_kind::skip:
        blocks_[depth_ - 1].inner = value_;
        value_ = blocks_[depth_ - 1].input, now_ = blocks_[depth_ - 1].shape;
        open_ = false;
        return;
      case layer_kind::join:
        return add_sum(d);
    }
  }

  constexpr void add_site(const layer_description& d) {
    if (count_ == 0 && depth_ == 0 && input_site_ == no_site) {
      input_site_ = d.site, input_key_ = d.key;
      return;
    }
    if (!open_ || last().site != no_site) add_elementwise();
    last().site = d.site, last().key = d.key;
    last().site_first = last().act == activation::identity && !last().halves && last().adds == no_slot;
  }
  static constexpr bool halves(const layer_description& d) {
    return pool2d_problem{1, d.in, d.out, d.pool.kernel, d.pool.stride, d.pool.padding}.halves();
  }
  [[nodiscard]] constexpr bool site_is_last() const {
    return all_[count_ - 1].site != no_site && !all_[count_ - 1].site_first;
  }
  constexpr void add_activation(activation act) {
    const bool sums = open_ && last().adds != no_slot && act != activation::relu;
    if (!open_ || sums || last().act != activation::identity || last().halves || site_is_last())
      add_elementwise();
    last().act = act;
  }
  constexpr void add_weights(const layer_description& d, int entry, const conv2d_options& o) {
    append({.in = now_,
            .channels = d.out.channels,
            .kernel = o.kernel,
            .stride = o.stride,
            .padding = o.before(),
            .groups = o.groups,
            .convolved = of_pass(d.out),
            .entry = entry});
  }
  // An operation in whose pass nothing else is done.
  constexpr void add_apart(operation op, const layer_description& d) {
    op.in = now_, op.channels = d.out.channels, op.convolved = of_pass(d.out);
    append(op);
    open_ = false;
  }
  constexpr void add_norm(const layer_description& d, int entry) {
    const bool folds = open_ && last().kind == operation_kind::convolution && last().norm == no_entry &&
                       last().act == activation::identity && !last().halves && last().site == no_site &&
                       last().adds == no_slot;
    if (!folds) add_elementwise();
    last().norm = entry;
    // Where the sum of a block comes between, the ReLU is that sum's.
    if (!d.takes_sum) last().act = d.after;
  }
  constexpr void add_elementwise() {
    append({.kind = operation_kind::elementwise, .in = now_, .channels = now_.channels, .convolved = now_});
  }
  // The last operation of either path adds the other, where nothing stands behind its weights.
  constexpr void add_sum(const layer_description& d) {
    const open_block b = blocks_[--depth_];
    const int other = b.inner != no_slot ? b.inner : b.input;
    if (!open_ || last().act != activation::identity || last().halves || last().site != no_site ||
        last().adds != no_slot)
      add_elementwise(other);
    last().adds = other;
    last().act = d.after;
    // A convolution that reads what it adds (F of one convolution, skip of x itself) must not write over it meanwhile.
    const bool reads_it = last().reads == other && last().kind == operation_kind::convolution;
    if (!is_held(other) && !reads_it) last().writes = value_ = other;
  }
  constexpr void add_elementwise(int held) {
    const int before = extra_held_;
    extra_held_ = held;
    add_elementwise();
    extra_held_ = before;
  }

  [[nodiscard]] constexpr bool is_held(int slot) const {
    for (std::size_t i = 0; i < depth_; ++i)
      if (blocks_[i].input == slot || blocks_[i].inner == slot) return true;
    return slot == extra_held_;
  }
  // What one pass makes of a layer's output: one token of it, where the network reads tokens.
  [[nodiscard]] constexpr extents of_pass(const extents& out) const {
    return context_ > 0 ? extents{out.channels, 1, 1} : out;
  }
  constexpr void append(operation op) {
    op.context = context_;
    op.cache = cache_;
    cache_ += op.cache_size();
    op.reads = value_;
    op.writes = 0;
    while (op.writes == value_ || is_held(op.writes)) ++op.writes;
    slots_ = op.writes + 1 > slots_ ? op.writes + 1 : slots_;
    all_[count_++] = op;
    value_ = op.writes, now_ = op.out(), open_ = true;
  }
  constexpr operation& last() { return all_[count_ - 1]; }

  std::array<operation, layer_list::most_layers> all_{};
  std::size_t count_ = 0;
  std::array<open_block, layer_list::most_depth> blocks_{};
  std::size_t depth_ = 0;
  int value_ = 0, slots_ = 1, input_site_ = no_site, extra_held_ = no_slot;
  key_shape input_key_ = key_shape::element;
  extents now_;
  bool open_ = false;  // the last operation may do more
  index_t context_ = 0,
          cache_ = 0;  // of a network of tokens: its window, and what its attentions keep of one, in floats
  bool reads_on_ = true;  // no layer needs more of a window than the tokens so far
};

/// Of a model, as constants.
template <class Model>
struct architecture {
  static constexpr operation_table table{Model::list.input(), {Model::list.begin(), Model::list.size()}};
  static_assert(table.supported(),
                "SpanKey: a session reads tokens one after another: causal attention, and a head of tokens");
  static constexpr auto operations = [] {
    std::array<operation, table.size()> all{};
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = table[i];
    return all;
  }();
  static constexpr std::size_t slots = static_cast<std::size_t>(table.slots());
  static constexpr int input_site = table.input_site();
  static constexpr key_shape input_key = table.input_key();
};

}  // namespace spankey::infer
