// Linear layer on flattened features: y (N, Out) = x (N, d) w + b. Weights in memory (H, W, C, Out), in files
// (Out, C*H*W): a map over an image reads PyTorch's C, H, W order without moving activations.
#pragma once

#include "spankey/layer/shaped.hpp"

namespace spankey {

template <class Backend, class T>
class linear_layer : public layer<Backend, T> {
 public:
  using kernels = linear_kernels<Backend, T>;
  using master = master_t<T>;

  parameter<master> weight, bias_vector;

  linear_layer(const extents& in, index_t outputs, const linear_options& o = {})
      : layer<Backend, T>(in, {outputs, 1, 1}),
        weight{.dims = {outputs, in.channels, in.height, in.width, 2}, .fill = o.fill, .gain = o.gain},
        bias_vector{.dims = {.o = outputs}} {}

  [[nodiscard]] layer_traits traits() const override { return {.reads_x = true}; }
  void visit(layer_visitor<T>& v, const scope& at, index_t samples) override {
    v.on_parameter(scope{&at, "weight"}, weight);
    v.on_parameter(scope{&at, "bias"}, bias_vector);
    v.on_activations(scope{&at, "y"}, y_, samples * this->out().size(), lifetime::output);
    v.on_numbers(scope{&at, "scratch"}, scratch_, kernels::scratch_size(problem(samples)), lifetime::scratch);
  }
  const T* forward(const pass&, index_t n, const T* x, const T* /*addend*/) override {
    x_ = x, samples_ = n;
    kernels::forward(problem(n), x, weight.value.data, bias_vector.value.data, y_.data, scratch_.data);
    return y_.data;
  }
  void backward(const pass&, index_t n, const layer_gradients<T>& g) override {
    require_forward(samples_, n);
    const T* const dy = g.dy;
    if (!weight.frozen)
      kernels::backward_weights(problem(n), x_, dy, weight.gradient.data, bias_vector.gradient.data,
                                scratch_.data);
    if (g.dx != nullptr) kernels::backward_data(problem(n), dy, weight.value.data, g.dx, scratch_.data);
  }

 private:
  [[nodiscard]] linear_problem problem(index_t samples) const {
    return {samples, this->in().size(), this->out().channels};
  }

  buffer<T> y_;
  buffer<master> scratch_;
  const T* x_ = nullptr;
  index_t samples_ = 0;
};

/// The same with static shapes.
template <class In, index_t Out, class Backend, class T>
class linear : public shaped<linear_layer<Backend, T>, In, shape<Out>> {
 public:
  linear() : linear::shaped(extents_of<In>, Out) {}
};

}  // namespace spankey
