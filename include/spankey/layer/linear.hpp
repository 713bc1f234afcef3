// Linear layer on flattened features: y (N, Out) = x (N, d) w + b. Weights in memory (H, W, C, Out), in files
// (Out, C*H*W): a map over an image reads PyTorch's C, H, W order without moving activations. The last layer of a
// model answers in master_t<T> (`Result`): losses are never computed from rounded logits.
#pragma once

#include "spankey/layer/layer.hpp"

namespace spankey {

template <class In, index_t Out, class Backend, class T, class Result = T>
class linear {
 public:
  using input = In;
  using output = shape<Out>;
  using kernels = linear_kernels<Backend, T>;
  using master = master_t<T>;

  parameter<master> weight{.dims = {Out, In::channels, In::height, In::width, 2}};
  parameter<master> bias_vector{.dims = {.o = Out}};

  linear() { require_backend<Backend, T>(); }

  template <class F>
  void for_each_parameter(F&& f, const scope& at) {
    f(scope{&at, "weight"}, weight);
    f(scope{&at, "bias"}, bias_vector);
  }
  template <class Visitor>
  void for_each_buffer(Visitor& visit, const scope& at, index_t samples) {
    for_each_parameter([&](const scope& name, parameter<master>& p) { p.for_each_buffer(visit, name); }, at);
    // Kept: of the last layer these are the logits, which callers read after the backward pass.
    visit(scope{&at, "y"}, y_, samples * Out, lifetime::kept);
    visit(scope{&at, "scratch"}, scratch_, kernels::scratch_size(problem(samples)), lifetime::scratch);
  }
  template <class Shape>
  batch_view<const Result, output> forward(const pass&, batch_view<const T, Shape> x) {
    require_shape<Shape, In>();
    x_ = x;
    kernels::forward(problem(x.samples()), x.data(), weight.value.data, bias_vector.value.data, y_.data,
                     scratch_.data);
    return {y_.data, x.samples()};
  }
  /// Weight gradients +=; dx without data: not wanted.
  void backward(const pass&, batch_view<const Result, output> dy, batch_view<T, In> dx) {
    require_forward(x_, dy.samples());
    const linear_problem p = problem(dy.samples());
    kernels::backward_weights(p, x_.data(), dy.data(), weight.gradient.data, bias_vector.gradient.data,
                              scratch_.data);
    if (dx.data() != nullptr)
      kernels::backward_data(p, dy.data(), weight.value.data, dx.data(), scratch_.data);
  }

 private:
  static constexpr linear_problem problem(index_t samples) { return {samples, In::size, Out}; }

  buffer<Result> y_;
  buffer<master> scratch_;
  batch_view<const T, In> x_;
};

}  // namespace spankey
