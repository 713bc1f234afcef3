// The last layer of a model: logits (N, outputs) in master_t<T>, of features (N, d).
//   plain head     one linear map (layer/linear.hpp)
//   reject logit   two: z (N, K) = x w + b, and beside it a (N) = x w_aux + b_aux, in one row (z, a) of K+1 logits
// The two maps are parameters of their own (`fc_aux` in files) but one matrix product: their weights are copied side by
// side, (d+1, K+1) with the biases as the last row, and so are the gradients, which are copied apart again. += as ever.
#pragma once

#include <type_traits>

#include "spankey/core/head_outputs.hpp"
#include "spankey/core/memory.hpp"
#include "spankey/layer/linear.hpp"

namespace spankey {

template <class In, index_t Softmax, class Backend, class T>
class linear_with_aux {
 public:
  using input = In;
  using output = shape<Softmax + 1>;
  using kernels = linear_kernels<Backend, T>;
  using master = master_t<T>;

  parameter<master> weight{.dims = {Softmax, In::channels, In::height, In::width, 2}};
  parameter<master> bias_vector{.dims = {.o = Softmax}};
  parameter<master> aux_weight{.dims = {1, In::channels, In::height, In::width, 2}};
  parameter<master> aux_bias{.dims = {.o = 1}};

  linear_with_aux() { require_backend<Backend, T>(); }

  /// The auxiliary map is a sibling of this layer, named fc_aux whatever the layer's own name is.
  template <class F>
  void for_each_parameter(F&& f, const scope& at) {
    f(scope{&at, "weight"}, weight);
    f(scope{&at, "bias"}, bias_vector);
    const scope aux{at.outer, "fc_aux"};
    f(scope{&aux, "weight"}, aux_weight);
    f(scope{&aux, "bias"}, aux_bias);
  }
  template <class Visitor>
  void for_each_buffer(Visitor& visit, const scope& at, index_t samples) {
    for_each_parameter([&](const scope& name, parameter<master>& p) { p.for_each_buffer(visit, name); }, at);
    visit(scope{&at, "joined"}, joined_, (In::size + 1) * output::size, lifetime::step);
    visit(scope{&at, "joined_gradient"}, joined_gradient_, (In::size + 1) * output::size, lifetime::step);
    // Kept: callers read the logits after the backward pass.
    visit(scope{&at, "y"}, y_, samples * output::size, lifetime::kept);
    visit(scope{&at, "scratch"}, scratch_, kernels::scratch_size(problem(samples)), lifetime::scratch);
  }
  template <class Shape>
  batch_view<const master, output> forward(const pass&, batch_view<const T, Shape> x) {
    require_shape<Shape, In>();
    x_ = x;
    join(joined_.data, &parameter<master>::value);
    kernels::forward(problem(x.samples()), x.data(), joined_.data, bias_row(joined_), y_.data, scratch_.data);
    return {y_.data, x.samples()};
  }
  /// Weight gradients +=; dx without data: not wanted.
  void backward(const pass&, batch_view<const master, output> dy, batch_view<T, In> dx) {
    require_forward(x_, dy.samples());
    const linear_problem p = problem(dy.samples());
    join(joined_gradient_.data, &parameter<master>::gradient);
    kernels::backward_weights(p, x_.data(), dy.data(), joined_gradient_.data, bias_row(joined_gradient_),
                              scratch_.data);
    for_each_column([&](parameter<master>& w, index_t row, index_t rows, index_t column, index_t width) {
      memory_of<Backend>::copy_rows(rows, width, joined_gradient_.data + row * output::size + column,
                                    output::size, w.gradient.data, width);
    });
    if (dx.data() != nullptr) kernels::backward_data(p, dy.data(), joined_.data, dx.data(), scratch_.data);
  }

 private:
  static constexpr linear_problem problem(index_t samples) { return {samples, In::size, output::size}; }
  static master* bias_row(const buffer<master>& joined) { return joined.data + In::size * output::size; }

  // f(parameter, first row, rows, first column, columns): where each parameter lies in a joined buffer.
  template <class F>
  void for_each_column(F&& f) {
    f(weight, 0, In::size, 0, Softmax);
    f(aux_weight, 0, In::size, Softmax, 1);
    f(bias_vector, In::size, 1, 0, Softmax);
    f(aux_bias, In::size, 1, Softmax, 1);
  }
  void join(master* joined, buffer<master> parameter<master>::*part) {
    for_each_column([&](parameter<master>& w, index_t row, index_t rows, index_t column, index_t width) {
      memory_of<Backend>::copy_rows(rows, width, (w.*part).data, width, joined + row * output::size + column,
                                    output::size);
    });
  }

  buffer<master> joined_, joined_gradient_;
  buffer<master> y_;
  buffer<master> scratch_;
  batch_view<const T, In> x_;
};

/// The head of a model with these outputs.
template <class In, head_outputs Outputs, class Backend, class T>
using linear_head =
    std::conditional_t<Outputs.aux == aux_logit::none, linear<In, Outputs.softmax, Backend, T, master_t<T>>,
                       linear_with_aux<In, Outputs.softmax, Backend, T>>;

}  // namespace spankey
