// Activation layer: y = act(x) element by element, in memory of its own; backward in place (dx replaces dy). There ReLU
// reads y and the smooth ones read x (formulas: backend/reference/activation.hpp). Where y does not live until backward
// (`output_life`), recompute() comes before whatever reads it there.
#pragma once

#include "spankey/layer/shaped.hpp"

namespace spankey {

template <class Backend, class T>
class activation_layer : public layer<Backend, T> {
 public:
  using kernels = activation_kernels<Backend, T>;

  activation_layer(const extents& shape, activation act, lifetime output_life = lifetime::output)
      : layer<Backend, T>(shape, shape), act_(act), output_life_(output_life) {}

  [[nodiscard]] layer_traits traits() const override {
    const bool from_y = act_ == activation::relu;
    return {.reads_x = !from_y, .reads_y = from_y, .in_place = true};
  }
  void visit(layer_visitor<T>& v, const scope& at, index_t samples) override {
    v.on_activations(scope{&at, "y"}, y_, samples * this->out().size(), output_life_);
  }
  const T* forward(const pass&, index_t n, const T* x, const T* /*addend*/) override {
    x_ = x, samples_ = n;
    kernels::forward(act_, n * this->out().size(), x, y_.data);
    return y_.data;
  }
  void recompute(const pass&) override { kernels::forward(act_, samples_ * this->out().size(), x_, y_.data); }
  void backward(const pass&, index_t n, const layer_gradients<T>& g) override {
    kernels::backward(act_, n * this->out().size(), x_, y_.data, g.dy, g.dx);
  }

 private:
  activation act_;
  lifetime output_life_;
  buffer<T> y_;
  const T* x_ = nullptr;
  index_t samples_ = 0;
};

/// The same with a static shape.
template <class Shape, activation Act, class Backend, class T>
class activated : public shaped<activation_layer<Backend, T>, Shape, Shape> {
 public:
  activated() : activated::shaped(extents_of<Shape>, Act) {}
};
template <class Shape, class Backend, class T>
using relu = activated<Shape, activation::relu, Backend, T>;

}  // namespace spankey
