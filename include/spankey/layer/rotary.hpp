// Rotary positions: queries and keys are turned by where their token stands, so that attention sees how far tokens lie apart.
// x, y (N, T, C), tokens in one column; the first `heads` heads of `size` channels are turned, those behind them (values) pass.
// No parameters; backward turns back, in place. (Formulas: backend/reference/rotary.hpp.)
#pragma once

#include "spankey/layer/shaped.hpp"

namespace spankey {

template <class Backend, class T>
class rotary_layer : public layer<Backend, T> {
 public:
  using kernels = rotary_kernels<Backend, T>;

  /// in: {C, T, 1}.
  rotary_layer(const extents& in, const rotary_options& o) : layer<Backend, T>(in, in), options_(o) {}

  [[nodiscard]] layer_traits traits() const override { return {.reads_x = false, .in_place = true}; }
  void visit(layer_visitor<T>& v, const scope& at, index_t samples) override {
    v.on_activations(scope{&at, "y"}, y_, samples * this->out().size(), lifetime::output);
    v.on_numbers(scope{&at, "scratch"}, scratch_, kernels::scratch_size(problem(samples)), lifetime::scratch);
  }
  const T* forward(const pass&, index_t n, const T* x, const T* /*addend*/) override {
    kernels::forward(problem(n), x, y_.data, scratch_.data);
    return y_.data;
  }
  void backward(const pass&, index_t n, const layer_gradients<T>& g) override {
    kernels::backward(problem(n), g.dy, g.dx, scratch_.data);
  }

 private:
  [[nodiscard]] rotary_problem problem(index_t samples) const {
    return {samples, this->in().height, this->in().channels, options_.heads, options_.size, options_.theta};
  }

  rotary_options options_;
  buffer<T> y_;
  buffer<master_t<T>> scratch_;
};

/// The same with a static shape.
template <class Shape, index_t Heads, index_t Size, class Backend, class T>
class rotary : public shaped<rotary_layer<Backend, T>, Shape, Shape> {
  static_assert(Shape::width == 1 && Size % 2 == 0 && Heads * Size <= Shape::channels,
                "SpanKey: rotary positions turn pairs of channels, in heads that the tokens have");

 public:
  rotary() : rotary::shaped(extents_of<Shape>, rotary_options{.heads = Heads, .size = Size}) {}
};

}  // namespace spankey
