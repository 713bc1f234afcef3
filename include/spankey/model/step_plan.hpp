// The operations of one step of a network, forward and backward, as its list of layers says; and how long every activation
// and every gradient is needed. Positions count all operations of a step: forwards from 0, then backwards.
//
// Forward, in the list's order: a block's F, its skip path, and where both meet the sum. The sum is part of F's last layer
// where that is a batch norm; elsewhere an operation of its own.
// Backward, from the end. Gradients lie in registers: a layer that works in place leaves its register to dx, another writes
// a new one. Where two paths meet again at their common input, the second adds to the register of the first:
//   skip is x itself   the register of the sum stays what skip contributes; F's first layer adds to it
//   skip has layers    F first, then skip's first layer adds to F's
// A batch norm whose output only the next convolution reads is not kept but computed once more (recompute).
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "spankey/core/arena.hpp"
#include "spankey/layer/layer.hpp"
#include "spankey/model/layer_description.hpp"

namespace spankey {

inline constexpr int no_register = -1, input_value = -1;

/// One operation of the forward pass: entry `layer` of the list reads the value of entry `x` (input_value: the network's
/// input) and may add that of `addend` (-2: none).
struct forward_operation {
  static constexpr int nothing = -2;
  int layer = 0, x = input_value, addend = nothing;
};

enum class backward_kind : unsigned char { layer, recompute, sum, copy, add };

/// One of the backward pass. layer: entry `layer`, from register dy to register dx, or += ; recompute: its output once more;
/// sum: the activation behind a sum of its own, in place; copy: dx = dy; add: dx += dy.
struct backward_operation {
  backward_kind kind = backward_kind::layer;
  int layer = 0, dy = 0, dx = no_register;
  bool accumulates = false;
};

/// A gradient of `size` elements a sample.
struct gradient_register {
  index_t size = 0;
  span_of_use use{};
};

class step_plan_of_list {
 public:
  using list_type = std::vector<layer_description>;
  /// What the layer of every entry says about itself; of entries without a layer it is not read.
  using traits_type = std::vector<layer_traits>;

  step_plan_of_list() = default;
  step_plan_of_list(const list_type& list, const traits_type& traits) : list_(&list), traits_(&traits) {
    values_.resize(list.size());
    forward_range(0, last(), input_value);
    const int head = last();
    now_ = static_cast<int>(forward_.size());
    const int after = new_register(list[at(head)].in.size());
    backward_.push_back({backward_kind::layer, head, no_register, after, false});
    ++now_;
    if (head > 0) backward_range(0, head - 1, after);
    find_uses();
    list_ = nullptr, traits_ = nullptr;
  }

  [[nodiscard]] const std::vector<forward_operation>& forward() const { return forward_; }
  [[nodiscard]] const std::vector<backward_operation>& backward() const { return backward_; }
  [[nodiscard]] const std::vector<gradient_register>& registers() const { return registers_; }
  /// How long the output of an entry is needed, and what its layer keeps from its forward to its backward pass.
  [[nodiscard]] const span_of_use& output_use(std::size_t entry) const { return values_[entry].output; }
  [[nodiscard]] const span_of_use& state_use(std::size_t entry) const { return values_[entry].state; }

  /// True where the output of batch norm `entry` is not kept: the next layer of its path is a convolution, inside a block; or
  /// it is the last of a skip path and has no activation, whose mask would have to be read.
  static bool is_inner(const list_type& list, std::size_t entry) {
    if (list[entry].kind != layer_kind::batch_norm2d) return false;
    bool within = false;
    for (std::size_t i = 0, depth = 0; i <= entry; ++i) {
      if (list[i].kind == layer_kind::residual) ++depth;
      if (list[i].kind == layer_kind::join) --depth;
      within = depth > 0;
    }
    if (!within || entry + 1 == list.size()) return false;
    if (list[entry + 1].kind == layer_kind::conv2d) return true;
    return list[entry + 1].kind == layer_kind::join && list[entry + 1].skip <= entry &&
           list[entry].after == activation::identity;
  }

 private:
  struct value {
    span_of_use output{0, 0}, state{0, 0};
    int forward_at = 0, source = input_value;
  };
  static std::size_t at(int entry) { return static_cast<std::size_t>(entry); }
  [[nodiscard]] int last() const { return static_cast<int>(list_->size()) - 1; }
  [[nodiscard]] const layer_description& entry(int i) const { return (*list_)[at(i)]; }
  [[nodiscard]] const layer_traits& traits(int i) const { return (*traits_)[at(i)]; }
  [[nodiscard]] int end_of_f(int join) const { return static_cast<int>(entry(join).skip) - 1; }
  [[nodiscard]] bool in_norm(int join) const { return static_cast<int>(entry(join).sum) != join; }
  [[nodiscard]] bool projects(int join) const { return static_cast<int>(entry(join).skip) != join; }

  // Entries [first, end], x being the value of `x`; returns whose value comes out.
  int forward_range(int first, int end, int x) {
    for (int i = first; i <= end; ++i) {
      if (entry(i).kind != layer_kind::residual) {
        x = emit(i, x, forward_operation::nothing);
        continue;
      }
      const int join = static_cast<int>(entry(i).join), f = end_of_f(join);
      const int inner = forward_range(i + 1, in_norm(join) ? f - 1 : f, x);
      const int beside = projects(join) ? forward_range(f + 2, join - 1, x) : x;
      x = emit(static_cast<int>(entry(join).sum), inner, beside);
      i = join;
    }
    return x;
  }
  int emit(int layer, int x, int addend) {
    values_[at(layer)].forward_at = static_cast<int>(forward_.size());
    values_[at(layer)].source = x;
    forward_.push_back({layer, x, addend});
    return layer;
  }

  int new_register(index_t size) {
    registers_.push_back({size, {now_, now_}});
    return static_cast<int>(registers_.size()) - 1;
  }
  void touch(int r) {
    if (r != no_register) registers_[at(r)].use.last = now_;
  }
  void push(const backward_operation& op) {
    touch(op.dy), touch(op.dx);
    backward_.push_back(op);
    ++now_;
  }

  // Entries [first, end] from the end: dy in register g. Returns where dx is; `into`: a register that it is added to.
  int backward_range(int first, int end, int g, int into = no_register) {
    for (int i = end; i >= first;) {
      if (entry(i).kind == layer_kind::join) {
        const int begin = static_cast<int>(entry(i).begin);
        g = backward_block(i, g);
        i = begin - 1;
      } else {
        const bool adds = i == first && into != no_register && traits(i).accumulates;
        g = backward_layer(i, g, adds ? into : no_register);
        --i;
      }
    }
    if (into == no_register || g == into) return g;
    push({backward_kind::add, 0, g, into, false});
    return into;
  }
  int backward_layer(int i, int g, int into) {
    if (i > 0 && is_inner(*list_, at(i - 1)) && entry(i).kind == layer_kind::conv2d)
      push({backward_kind::recompute, i - 1, no_register, no_register, false});
    const bool in_place = into == no_register && traits(i).in_place;
    const int dx = into != no_register ? into : in_place ? g : new_register(entry(i).in.size());
    push({backward_kind::layer, i, g, dx, into != no_register});
    return dx;
  }
  int backward_block(int join, int g) {
    const int begin = static_cast<int>(entry(join).begin), f = end_of_f(join);
    int inner = g, end = f;
    if (in_norm(join)) {
      inner = new_register(entry(f).in.size());
      push({backward_kind::layer, f, g, inner, false});  // g is what skip is to get
      end = f - 1;
    } else {
      if (entry(join).after != activation::identity) push({backward_kind::sum, join, g, g, false});
      // F must leave g as it is.
      const bool writes = entry(f).kind == layer_kind::join || traits(f).in_place || f == begin + 1;
      if (writes) {
        inner = new_register(entry(f).out.size());
        push({backward_kind::copy, 0, g, inner, false});
      }
    }
    if (!projects(join)) return backward_range(begin + 1, end, inner, g);
    const int through_f = backward_range(begin + 1, end, inner);
    return backward_range(f + 2, join - 1, g, through_f);
  }

  // A value is needed from its forward operation on, until the last that reads it.
  void find_uses() {
    const int forwards = static_cast<int>(forward_.size());
    std::vector<int> back_at(list_->size(), 0);
    for (std::size_t i = 0; i < backward_.size(); ++i)
      if (backward_[i].kind == backward_kind::layer || backward_[i].kind == backward_kind::sum)
        back_at[at(backward_[i].layer)] = forwards + static_cast<int>(i);
    for (int i = forwards - 1; i >= 0; --i) {
      const forward_operation& op = forward_[at(i)];
      value& own = values_[at(op.layer)];
      const bool is_sum = entry(op.layer).kind == layer_kind::join;
      const layer_traits t = is_sum ? layer_traits{.reads_x = false, .reads_y = true} : traits(op.layer);
      const int back = back_at[at(op.layer)];
      own.output.first = i;
      own.output.last = std::max(own.output.last, i);
      if (t.reads_y) own.output.last = std::max(own.output.last, back);
      own.state = {i, std::max(i, back)};
      // Where a layer hands its input on, what reads its output reads that.
      const int passed_on = !is_sum && traits(op.layer).may_pass_on ? own.output.last : i;
      need(op.x, std::max(passed_on, t.reads_x ? back : i));
      need(op.addend, i);
    }
  }
  void need(int entry_read, int until) {
    if (entry_read < 0) return;
    span_of_use& use = values_[at(entry_read)].output;
    use.last = std::max(use.last, until);
  }

  const list_type* list_ = nullptr;
  const traits_type* traits_ = nullptr;
  std::vector<value> values_;
  std::vector<forward_operation> forward_;
  std::vector<backward_operation> backward_;
  std::vector<gradient_register> registers_;
  int now_ = 0;
};

}  // namespace spankey
