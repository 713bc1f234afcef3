// Where two paths meet: y = act(x + addend), of one shape; act is the identity or ReLU. Both paths get the same
// gradient, that of the sum: backward takes dy through the activation, in place.
#pragma once

#include "spankey/layer/layer.hpp"

namespace spankey {

template <class Backend, class T>
class sum_layer : public layer<Backend, T> {
 public:
  sum_layer(const extents& shape, activation after) : layer<Backend, T>(shape, shape), after_(after) {}

  [[nodiscard]] layer_traits traits() const override {
    return {.reads_x = false, .reads_y = after_ != activation::identity, .in_place = true};
  }
  void visit(layer_visitor<T>& v, const scope& at, index_t samples) override {
    v.on_activations(scope{&at, "y"}, y_, samples * this->out().size(), lifetime::output);
  }
  const T* forward(const pass&, index_t n, const T* x, const T* addend) override {
    const index_t count = n * this->out().size();
    elementwise_kernels<Backend, T>::sum(count, x, addend, y_.data);
    if (after_ != activation::identity)
      activation_kernels<Backend, T>::forward(after_, count, y_.data, y_.data);
    return y_.data;
  }
  void backward(const pass&, index_t n, const layer_gradients<T>& g) override {
    if (after_ != activation::identity)
      activation_kernels<Backend, T>::backward(after_, n * this->out().size(), nullptr, y_.data, g.dy, g.dx);
  }

 private:
  activation after_;
  buffer<T> y_;
};

}  // namespace spankey
