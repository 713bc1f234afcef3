// The operations of one step of a network, forward and backward, as they follow from its list of layers; and how long
// every activation and every gradient is needed. Positions count the operations of a step: the forward ones from 0,
// then the backward ones. In prose: docs/method.md, section 6.
//
// Forward, in the list's order: of a block first F, then its skip path, then their sum. Where F ends in a batch norm
// without an activation, the sum is part of that; elsewhere it is an operation of its own.
// Backward, from the end. Gradients lie in registers. A layer that works in place writes dx over dy; another one writes
// a new register. At a block's input the gradients of both paths are added, in one register:
//   skip is x itself   that of the sum, which is what x gets from it; F's first layer adds to it
//   skip has layers    that of F, which goes first; the first layer of the skip path adds to it
// Inside a block, a batch norm in front of a convolution, or a smooth activation in front of a map of tokens, does not keep
// its output; before the backward of what reads it, it is computed once more (recompute).
#pragma once

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "spankey/core/arena.hpp"
#include "spankey/layer/layer.hpp"
#include "spankey/model/layer_description.hpp"

namespace spankey {

inline constexpr int no_register = -1, input_value = -1;

/// One operation of the forward pass: entry `layer` of the list reads what entry `x` put out (input_value: the
/// network's input), and adds what `addend` put out, where there is one.
struct forward_operation {
  static constexpr int nothing = -2;
  int layer = 0, x = input_value, addend = nothing;
};

enum class backward_kind : unsigned char { layer, recompute, sum, copy, add };

/// One operation of the backward pass, on registers dy and dx:
///   layer       backward of entry `layer`; dx is added to where it accumulates
///   recompute   the output of entry `layer` once more
///   sum         the activation of entry `layer`, a sum of its own; in place
///   copy, add   dx = dy, dx += dy
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

/// Both passes of a network, and how long its memory is needed; registers and spans are those of `backward`.
struct network_plan {
  std::vector<forward_operation> forward;
  std::vector<backward_operation> backward;
  std::vector<gradient_register> registers;
  /// By entry of the list: of a layer's output, and of what the layer keeps from its forward to its backward pass.
  std::vector<span_of_use> output, state;
};

/// True where the output of `entry` is not kept until backward, inside a block: that of a batch norm in front of a
/// convolution, or at the end of a skip path and without an activation, so that nobody reads it after the sum; that of an
/// activation whose backward reads x, in front of a map of tokens.
inline bool is_recomputed(std::span<const layer_description> list, std::size_t entry) {
  const bool norm = list[entry].kind == layer_kind::batch_norm2d;
  const bool smooth = list[entry].kind == layer_kind::activation && list[entry].after != activation::relu;
  if (!(norm || smooth) || entry + 1 == list.size()) return false;
  int depth = 0;
  for (std::size_t i = 0; i <= entry; ++i)
    depth += list[i].kind == layer_kind::residual ? 1 : list[i].kind == layer_kind::join ? -1 : 0;
  if (depth == 0) return false;
  const layer_description& next = list[entry + 1];
  if (smooth) return next.kind == layer_kind::project;
  if (next.kind == layer_kind::conv2d) return true;
  return next.kind == layer_kind::join && next.skip <= entry && list[entry].after == activation::identity;
}

/// Makes the plan of a list; used once, by plan_network.
class network_planner {
 public:
  network_planner(std::span<const layer_description> list, std::span<const layer_traits> traits)
      : list_(list), traits_(traits) {
    plan_.output.resize(list.size(), {0, 0});
    plan_.state.resize(list.size(), {0, 0});
  }
  network_plan plan() {
    const int head = static_cast<int>(list_.size()) - 1;
    forward_range(0, head, input_value);
    now_ = static_cast<int>(plan_.forward.size());
    const int after = new_register(entry(head).in.size());
    push({backward_kind::layer, head, no_register, after, false});
    if (head > 0) backward_range(0, head - 1, after);
    find_uses();
    return std::move(plan_);
  }

 private:
  static std::size_t at(int entry) { return static_cast<std::size_t>(entry); }
  [[nodiscard]] const layer_description& entry(int i) const { return list_[at(i)]; }
  [[nodiscard]] const layer_traits& traits(int i) const { return traits_[at(i)]; }
  [[nodiscard]] int end_of_f(int join) const { return static_cast<int>(entry(join).skip) - 1; }
  [[nodiscard]] bool in_norm(int join) const { return static_cast<int>(entry(join).sum) != join; }
  [[nodiscard]] bool projects(int join) const { return static_cast<int>(entry(join).skip) != join; }

  // Entries [first, end], the first of which reads what entry x put out; returns whose output is theirs.
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
    plan_.forward.push_back({layer, x, addend});
    return layer;
  }

  int new_register(index_t size) {
    plan_.registers.push_back({size, {now_, now_}});
    return static_cast<int>(plan_.registers.size()) - 1;
  }
  void touch(int r) {
    if (r != no_register) plan_.registers[at(r)].use.last = now_;
  }
  void push(const backward_operation& op) {
    touch(op.dy), touch(op.dx);
    plan_.backward.push_back(op);
    ++now_;
  }

  // Entries [first, end] from the end, dy being in register g. Returns the register of dx: `into`, which dx is added
  // to, where it is given.
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
    const bool reads_entry_before =
        entry(i).kind == layer_kind::conv2d || entry(i).kind == layer_kind::project;
    if (i > 0 && is_recomputed(list_, at(i - 1)) && reads_entry_before)
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

  // An output is needed from its forward operation to the last operation that reads it.
  void find_uses() {
    const int forwards = static_cast<int>(plan_.forward.size());
    std::vector<int> back_at(list_.size(), 0);
    for (std::size_t i = 0; i < plan_.backward.size(); ++i) {
      const backward_operation& op = plan_.backward[i];
      if (op.kind == backward_kind::layer || op.kind == backward_kind::sum)
        back_at[at(op.layer)] = forwards + static_cast<int>(i);
    }
    for (int i = forwards - 1; i >= 0; --i) {
      const forward_operation& op = plan_.forward[at(i)];
      span_of_use& output = plan_.output[at(op.layer)];
      const bool is_sum = entry(op.layer).kind == layer_kind::join;
      const layer_traits& t = traits(op.layer);
      const int back = back_at[at(op.layer)];
      output.first = i;
      output.last = std::max({output.last, i, t.reads_y ? back : 0});
      plan_.state[at(op.layer)] = {i, std::max(i, back)};
      // Where a layer hands its input on, what reads its output reads that.
      const int passed_on = !is_sum && t.may_pass_on ? output.last : i;
      need(op.x, std::max(passed_on, t.reads_x ? back : i));
      need(op.addend, i);
    }
  }
  void need(int entry_read, int until) {
    if (entry_read < 0) return;
    span_of_use& use = plan_.output[at(entry_read)];
    use.last = std::max(use.last, until);
  }

  std::span<const layer_description> list_;
  std::span<const layer_traits> traits_;
  network_plan plan_;
  int now_ = 0;
};

/// Of a list whose layers have these traits, by entry; of entries without a layer they are not read.
inline network_plan plan_network(std::span<const layer_description> list,
                                 std::span<const layer_traits> traits) {
  return network_planner(list, traits).plan();
}

}  // namespace spankey
