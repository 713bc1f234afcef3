// The last layer of a model: logits (N, outputs) in master_t<T>, of features (N, d); losses are never computed from
// rounded logits.
//   plain head     one linear map z = x w + b
//   reject logit   two: z (N, K) = x w + b, and beside it a (N) = x w_aux + b_aux, in one row (z, a) of K+1 logits
// The two maps are parameters of their own (`fc_aux` in files) but one matrix product: their weights are copied side by
// side, (d+1, K+1) with the biases as the last row, and so are the gradients, which are copied apart again. += as ever.
#pragma once

#include "spankey/core/head_outputs.hpp"
#include "spankey/core/memory.hpp"
#include "spankey/layer/layer.hpp"
#include "spankey/layer/options.hpp"

namespace spankey {

/// What a network knows of its last layer.
template <class Backend, class T>
class any_head : public visited<T> {
 public:
  using master = master_t<T>;
  /// `answers` rows of logits a sample.
  any_head(const extents& in, const head_outputs& outputs, index_t answers)
      : in_(in), outputs_(outputs), answers_(answers) {
    require_backend<Backend, T>();
  }

  [[nodiscard]] const head_outputs& outputs() const { return outputs_; }
  [[nodiscard]] index_t answers() const { return answers_; }
  /// Logits (n, answers, outputs) of x (n, in), until the next pass.
  virtual const master* forward(index_t n, const T* x) = 0;
  /// dz as the logits. Gradients of parameters +=; dx = gradient of x, null: not wanted.
  virtual void backward(index_t n, const master* dz, T* dx) = 0;

 protected:
  extents in_;
  head_outputs outputs_;

 private:
  index_t answers_;
};

template <class Backend, class T>
class head_layer : public any_head<Backend, T> {
 public:
  using kernels = linear_kernels<Backend, T>;
  using master = master_t<T>;

  parameter<master> weight, bias_vector, aux_weight, aux_bias;

  head_layer(const extents& in, const head_outputs& outputs, const linear_options& o = {})
      : any_head<Backend, T>(in, outputs, 1),
        weight{
            .dims = {outputs.softmax, in.channels, in.height, in.width, 2}, .fill = o.fill, .gain = o.gain},
        bias_vector{.dims = {.o = outputs.softmax}},
        aux_weight{.dims = {1, in.channels, in.height, in.width, 2}, .fill = o.fill, .gain = o.gain},
        aux_bias{.dims = {.o = 1}} {}

  /// The auxiliary map is a sibling of this layer, named fc_aux whatever the layer's own name is.
  void visit(layer_visitor<T>& v, const scope& at, index_t samples) override {
    v.on_parameter(scope{&at, "weight"}, weight);
    v.on_parameter(scope{&at, "bias"}, bias_vector);
    if (joins()) {
      const scope aux{at.outer, "fc_aux"};
      v.on_parameter(scope{&aux, "weight"}, aux_weight);
      v.on_parameter(scope{&aux, "bias"}, aux_bias);
      v.on_numbers(scope{&at, "joined"}, joined_, (in_.size() + 1) * outputs_, lifetime::step);
      v.on_numbers(scope{&at, "joined_gradient"}, joined_gradient_, (in_.size() + 1) * outputs_,
                   lifetime::step);
    }
    // Kept: callers read the logits after the backward pass.
    v.on_numbers(scope{&at, "y"}, y_, samples * outputs_, lifetime::kept);
    v.on_numbers(scope{&at, "scratch"}, scratch_, kernels::scratch_size(problem(samples)), lifetime::scratch);
  }

  const master* forward(index_t n, const T* x) override {
    x_ = x, samples_ = n;
    if (joins()) join(joined_.data, &parameter<master>::value);
    kernels::forward(problem(n), x, weights(), biases(), y_.data, scratch_.data);
    return y_.data;
  }
  void backward(index_t n, const master* dz, T* dx) override {
    require_forward(samples_, n);
    if (weight.frozen) {
      // nothing of it is trained
    } else if (!joins()) {
      kernels::backward_weights(problem(n), x_, dz, weight.gradient.data, bias_vector.gradient.data,
                                scratch_.data);
    } else {
      join(joined_gradient_.data, &parameter<master>::gradient);
      kernels::backward_weights(problem(n), x_, dz, joined_gradient_.data, bias_row(joined_gradient_),
                                scratch_.data);
      for_each_column([&](parameter<master>& w, index_t row, index_t rows, index_t column, index_t width) {
        memory_of<Backend>::copy_rows(rows, width, joined_gradient_.data + row * outputs_ + column, outputs_,
                                      w.gradient.data, width);
      });
    }
    if (dx != nullptr) kernels::backward_data(problem(n), dz, weights(), dx, scratch_.data);
  }

 private:
  [[nodiscard]] bool joins() const { return outputs_.aux != aux_logit::none; }
  [[nodiscard]] linear_problem problem(index_t samples) const { return {samples, in_.size(), outputs_}; }
  [[nodiscard]] master* bias_row(const buffer<master>& joined) const {
    return joined.data + in_.size() * outputs_;
  }
  [[nodiscard]] const master* weights() const { return joins() ? joined_.data : weight.value.data; }
  [[nodiscard]] const master* biases() const { return joins() ? bias_row(joined_) : bias_vector.value.data; }

  // f(parameter, first row, rows, first column, columns): where each parameter lies in a joined buffer.
  template <class F>
  void for_each_column(F&& f) {
    const index_t d = in_.size(), k = outputs_.softmax;
    f(weight, 0, d, 0, k);
    f(aux_weight, 0, d, k, 1);
    f(bias_vector, d, 1, 0, k);
    f(aux_bias, d, 1, k, 1);
  }
  void join(master* joined, buffer<master> parameter<master>::*part) {
    for_each_column([&](parameter<master>& w, index_t row, index_t rows, index_t column, index_t width) {
      memory_of<Backend>::copy_rows(rows, width, (w.*part).data, width, joined + row * outputs_ + column,
                                    outputs_);
    });
  }

  using any_head<Backend, T>::in_;
  using any_head<Backend, T>::outputs_;

  buffer<master> joined_, joined_gradient_, y_, scratch_;
  const T* x_ = nullptr;
  index_t samples_ = 0;
};

/// The same with static shapes.
template <class In, head_outputs Outputs, class Backend, class T>
class head : public head_layer<Backend, T> {
 public:
  using input = In;
  using output = shape<Outputs>;
  using master = master_t<T>;
  using head_layer<Backend, T>::backward;
  using head_layer<Backend, T>::forward;

  head() : head_layer<Backend, T>(extents_of<In>, Outputs) {}
  template <class Shape>
  batch_view<const master, output> forward(const pass&, batch_view<const T, Shape> x) {
    require_shape<Shape, In>();
    return {head_layer<Backend, T>::forward(x.samples(), x.data()), x.samples()};
  }
  void backward(const pass&, batch_view<const master, output> dz, batch_view<T, In> dx) {
    head_layer<Backend, T>::backward(dz.samples(), dz.data(), dx.data());
  }
};

}  // namespace spankey
