// ReLU layer: y = max(x, 0), out of place; backward in place (dx replaces dy).
#pragma once

#include "spankey/layer/layer.hpp"

namespace spankey {

template <class Shape, class Backend, class T>
class relu {
 public:
  using input = Shape;
  using output = Shape;
  using kernels = activation_kernels<Backend, T>;

  template <class Visitor>
  void for_each_buffer(Visitor& visit, const scope& at, index_t samples) {
    visit(scope{&at, "y"}, y_, samples * Shape::size, lifetime::step);
  }
  batch_view<const T, Shape> forward(const pass&, batch_view<const T, Shape> x) {
    kernels::forward(activation::relu, x.size(), x.data(), y_.data);
    return {y_.data, x.samples()};
  }
  void backward(const pass&, batch_view<T, Shape> dy) {
    kernels::backward(activation::relu, dy.size(), nullptr, y_.data, dy.data(), dy.data());
  }

 private:
  buffer<T> y_;
};

}  // namespace spankey
