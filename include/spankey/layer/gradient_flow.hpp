// Where gradients of activations live during a backward pass: three buffers, each as large as the largest
// activation. The current one holds the gradient that was computed last; a layer writes a spare and takes it
// over.
#pragma once

#include <array>
#include <utility>

#include "spankey/layer/layer.hpp"

namespace spankey {

template <class T>
class gradient_flow {
 public:
  /// `largest`: elements of the largest activation gradient of one sample.
  template <class Visitor>
  void for_each_buffer(Visitor& visit, const scope& at, index_t samples, index_t largest) {
    for (buffer<T>& slot : slots_) visit(scope{&at, "gradient"}, slot, samples * largest, lifetime::kept);
  }
  template <class Shape>
  batch_view<T, Shape> current(index_t samples) const {
    return {slots_[0].data, samples};
  }
  /// Spare 0 or 1; its content is undefined.
  template <class Shape>
  batch_view<T, Shape> spare(index_t samples, std::size_t which = 0) const {
    return {slots_[1 + which].data, samples};
  }
  /// Spare 0 becomes the current gradient.
  void advance() { std::swap(slots_[0], slots_[1]); }

 private:
  std::array<buffer<T>, 3> slots_;
};

}  // namespace spankey
