// A layer with static shapes: its passes take and return views of them, so that handing it another shape does not
// compile. For networks that somebody composes by hand and for tests of single layers. It computes what the layer does
// that it derives from.
#pragma once

#include "spankey/layer/layer.hpp"

namespace spankey {

template <class Layer, class In, class Out>
class shaped : public Layer {
  using T = typename Layer::scalar;

 public:
  using input = In;
  using output = Out;
  using Layer::backward;
  using Layer::forward;
  using Layer::Layer;

  /// `addend`: of a batch norm.
  batch_view<const T, Out> forward(const pass& p, batch_view<const T, In> x,
                                   batch_view<const T, Out> addend = {}) {
    return {Layer::forward(p, x.samples(), x.data(), addend.data()), x.samples()};
  }
  /// Parameter gradients +=. dx = gradient of the input, or dx += with `accumulate`; dx without data: not wanted. Only
  /// a batch norm writes to dy: it becomes the gradient of what was added.
  void backward(const pass& p, batch_view<const T, Out> dy, batch_view<T, In> dx, bool accumulate = false) {
    Layer::backward(p, dy.samples(), {const_cast<T*>(dy.data()), dx.data(), accumulate});
  }
  /// The same in place: dy becomes dx.
  void backward(const pass& p, batch_view<T, Out> dy) requires(std::is_same_v<In, Out>) {
    Layer::backward(p, dy.samples(), {dy.data(), dy.data()});
  }
};

}  // namespace spankey
