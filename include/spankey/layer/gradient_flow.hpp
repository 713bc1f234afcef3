// Where gradients of activations live during a backward pass: three slots at a time. The current one holds the gradient
// that was computed last; a layer writes a spare and takes it over.
//
// Deep layers have small gradients and a model ends there: the backward pass starts with slots of `late` elements a
// sample. Once the deepest activations are dead it may widen() to slots of `early` elements that lie over them.
#pragma once

#include <array>
#include <utility>

#include "spankey/layer/layer.hpp"

namespace spankey {

/// Elements of the largest activation gradient of one sample: before the flow is widened, and after (0: never).
struct gradient_sizes {
  index_t late, early = 0;
};

template <class T>
class gradient_flow {
 public:
  template <class Visitor>
  void for_each_buffer(Visitor& visit, const scope& at, index_t samples, const gradient_sizes& sizes) {
    for (buffer<T>& slot : late_) visit(scope{&at, "gradient"}, slot, samples * sizes.late, lifetime::step);
    for (buffer<T>& slot : early_)
      visit(scope{&at, "early_gradient"}, slot, samples * sizes.early, lifetime::gradient);
  }
  /// The start of a backward pass.
  void restart() {
    slots_ = {late_[0].data, late_[1].data, late_[2].data};
    next_ = nullptr;
  }
  /// Wide spares from now on; the current gradient stays where it is until the next advance().
  void widen() {
    slots_ = {slots_[0], early_[0].data, early_[1].data};
    next_ = early_[2].data;
  }
  template <class Shape>
  batch_view<T, Shape> current(index_t samples) const {
    return {slots_[0], samples};
  }
  /// Spare 0 or 1; its content is undefined.
  template <class Shape>
  batch_view<T, Shape> spare(index_t samples, std::size_t which = 0) const {
    return {slots_[1 + which], samples};
  }
  /// Spare 0 becomes the current gradient, whose place becomes spare.
  void advance() {
    std::swap(slots_[0], slots_[1]);
    if (next_ != nullptr) slots_[1] = std::exchange(next_, nullptr);
  }

 private:
  std::array<buffer<T>, 3> late_, early_;
  std::array<T*, 3> slots_{};
  T* next_ = nullptr;
};

}  // namespace spankey
