// Layer norm over the C channels of every position: y = gamma (x - mean) / sqrt(variance + epsilon) + beta. Not centred, an RMS
// norm: y = gamma x / sqrt(mean of x^2 + epsilon), with a weight and no bias.
// x, y (N, H, W, C); the same in training and evaluation (formulas: backend/reference/layer_norm.hpp).
#pragma once

#include "spankey/layer/shaped.hpp"

namespace spankey {

template <class Backend, class T>
class layer_norm_layer : public layer<Backend, T> {
 public:
  using kernels = layer_norm_kernels<Backend, T>;
  using master = master_t<T>;

  parameter<master> weight, bias_vector;

  explicit layer_norm_layer(const extents& shape, const layer_norm_options& o = {})
      : layer<Backend, T>(shape, shape),
        weight{.dims = {.o = shape.channels}, .fill = initialiser::ones},
        bias_vector{.dims = {.o = shape.channels}},
        options_(o) {}

  [[nodiscard]] layer_traits traits() const override { return {.reads_x = true, .in_place = true}; }
  void visit(layer_visitor<T>& v, const scope& at, index_t samples) override {
    if (options_.scale) {
      v.on_parameter(scope{&at, "weight"}, weight);
      if (options_.centred) v.on_parameter(scope{&at, "bias"}, bias_vector);
    }
    v.on_numbers(scope{&at, "mean"}, mean_, problem(samples).rows, lifetime::step);
    v.on_numbers(scope{&at, "rstd"}, rstd_, problem(samples).rows, lifetime::step);
    v.on_activations(scope{&at, "y"}, y_, samples * this->out().size(), lifetime::output);
    v.on_numbers(scope{&at, "scratch"}, scratch_, kernels::scratch_size(problem(samples)), lifetime::scratch);
  }
  const T* forward(const pass&, index_t n, const T* x, const T* /*addend*/) override {
    x_ = x, samples_ = n;
    kernels::forward(problem(n),
                     {x, weight.value.data, bias_vector.value.data, y_.data, mean_.data, rstd_.data});
    return y_.data;
  }
  void backward(const pass&, index_t n, const layer_gradients<T>& g) override {
    require_forward(samples_, n);
    kernels::backward(problem(n),
                      {.x = x_,
                       .dy = g.dy,
                       .gamma = weight.value.data,
                       .mean = mean_.data,
                       .rstd = rstd_.data,
                       .dgamma = weight.frozen ? nullptr : weight.gradient.data,
                       .dbeta = weight.frozen ? nullptr : bias_vector.gradient.data,
                       .dx = g.dx},
                      scratch_.data);
  }

 private:
  [[nodiscard]] layer_norm_problem problem(index_t samples) const {
    return {samples * this->out().height * this->out().width, this->out().channels, options_.epsilon,
            options_.centred};
  }

  layer_norm_options options_;
  buffer<master> mean_, rstd_, scratch_;
  buffer<T> y_;
  const T* x_ = nullptr;
  index_t samples_ = 0;
};

/// The same with a static shape.
template <class Shape, class Backend, class T>
class layer_norm : public shaped<layer_norm_layer<Backend, T>, Shape, Shape> {
 public:
  layer_norm() : layer_norm::shaped(extents_of<Shape>) {}
};

}  // namespace spankey
