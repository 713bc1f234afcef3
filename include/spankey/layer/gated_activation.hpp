// A gated activation: of a token's 2C channels, gates g and what they let through u, y = act(g) u. SwiGLU where act is silu.
// x (N, T, 2C) -> y (N, T, C). No parameters: the maps before it are a joint projection (layer/joint_project.hpp).
// (Formulas: backend/reference/gated.hpp.)
#pragma once

#include "spankey/layer/shaped.hpp"

namespace spankey {

template <class Backend, class T>
class gated_activation_layer : public layer<Backend, T> {
 public:
  using kernels = gated_kernels<Backend, T>;

  /// in: {2C, H, W}.
  gated_activation_layer(const extents& in, activation act)
      : layer<Backend, T>(in, {in.channels / 2, in.height, in.width}), act_(act) {}

  [[nodiscard]] layer_traits traits() const override { return {.reads_x = true}; }
  void visit(layer_visitor<T>& v, const scope& at, index_t samples) override {
    v.on_activations(scope{&at, "y"}, y_, samples * this->out().size(), lifetime::output);
  }
  const T* forward(const pass&, index_t n, const T* x, const T* /*addend*/) override {
    x_ = x, samples_ = n;
    kernels::forward(problem(n), act_, x, y_.data);
    return y_.data;
  }
  void backward(const pass&, index_t n, const layer_gradients<T>& g) override {
    require_forward(samples_, n);
    kernels::backward(problem(n), act_, x_, g.dy, g.dx);
  }

 private:
  [[nodiscard]] gated_problem problem(index_t samples) const {
    return {samples * this->out().height * this->out().width, this->out().channels};
  }

  activation act_;
  buffer<T> y_;
  const T* x_ = nullptr;
  index_t samples_ = 0;
};

/// The same with a static shape.
template <class Shape, activation Act, class Backend, class T>
class gated_activation : public shaped<gated_activation_layer<Backend, T>, Shape,
                                       shape<Shape::channels / 2, Shape::height, Shape::width>> {
  static_assert(Shape::channels % 2 == 0,
                "SpanKey: a gated activation reads as many gates as it lets through");

 public:
  gated_activation() : gated_activation::shaped(extents_of<Shape>, Act) {}
};

}  // namespace spankey
