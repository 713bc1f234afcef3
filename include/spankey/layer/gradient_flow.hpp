// Where gradients of activations live during a backward pass: three slots at a time. The current one holds the gradient
// that was computed last; a layer writes a spare and takes it over.
//
// Deep layers have small gradients: the backward pass starts with small slots of its own. A block with a larger input
// brings wider ones, which lie over activations that are dead by then.
#pragma once

#include <array>
#include <utility>

#include "spankey/layer/layer.hpp"

namespace spankey {

/// Memory for three gradients of up to `size` elements a sample. With lifetime::gradient it stands in a model's list
/// before the activations that it may lie over.
template <class T>
struct gradient_slots {
  index_t size = 0;
  lifetime life = lifetime::step;
  std::array<buffer<T>, 3> slot{};

  template <class Visitor>
  void for_each_buffer(Visitor& visit, const scope& at, index_t samples) {
    for (buffer<T>& s : slot) visit(scope{&at, "gradient"}, s, samples * size, life);
  }
};

template <class T>
class gradient_flow {
 public:
  /// A backward pass starts with gradients of up to `size` elements a sample.
  explicit gradient_flow(index_t size) : first_{.size = size} {}

  template <class Visitor>
  void for_each_buffer(Visitor& visit, const scope& at, index_t samples) {
    first_.for_each_buffer(visit, at, samples);
  }
  /// The start of a backward pass.
  void restart() {
    slots_ = first_.slot;
    next_ = {};
  }
  /// Wider spares from now on; the current gradient stays where it is until the next advance().
  void widen(const gradient_slots<T>& wider) {
    slots_ = {slots_[0], wider.slot[0], wider.slot[1]};
    next_ = wider.slot[2];
  }
  template <class Shape>
  batch_view<T, Shape> current(index_t samples) const {
    return view<Shape>(slots_[0], samples);
  }
  /// Spare 0 or 1; its content is undefined. Both fail with memory.111 where a slot is too small.
  template <class Shape>
  batch_view<T, Shape> spare(index_t samples, std::size_t which = 0) const {
    return view<Shape>(slots_[1 + which], samples);
  }
  /// Spare 0 becomes the current gradient, whose place becomes spare.
  void advance() {
    std::swap(slots_[0], slots_[1]);
    if (next_.data != nullptr) slots_[1] = std::exchange(next_, {});
  }

 private:
  template <class Shape>
  static batch_view<T, Shape> view(const buffer<T>& slot, index_t samples) {
    if (samples * Shape::size > slot.count)
      fail("memory.111", "backward", "found a gradient of ", samples, " samples of ", Shape::size,
           " elements where there are ", slot.count, "; expected a gradient_size of at least ", Shape::size,
           " in the model, or wider slots of the block");
    return {slot.data, samples};
  }

  gradient_slots<T> first_;
  std::array<buffer<T>, 3> slots_{};
  buffer<T> next_{};
};

}  // namespace spankey
