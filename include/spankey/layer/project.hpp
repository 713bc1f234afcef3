// A linear map of every token: y (N, T, O) = x (N, T, C) w + b. Weights in memory (C, O), in files (O, C), or where files
// are Hugging Face's Conv1D (C, O). It is a 1 x 1 convolution, by its kernels, of all N*T rows at once.
#pragma once

#include "spankey/layer/shaped.hpp"

namespace spankey {

template <class Backend, class T>
class project_layer : public layer<Backend, T> {
 public:
  using kernels = conv2d_kernels<Backend, T>;
  using master = master_t<T>;

  parameter<master> weight, bias_vector;

  project_layer(const extents& in, index_t outputs, const linear_options& o = {})
      : layer<Backend, T>(in, {outputs, in.height, in.width}),
        weight{.dims = {.o = outputs, .i = in.channels, .file_rank = 2, .inputs_first = o.inputs_first},
               .fill = o.fill,
               .gain = o.gain},
        bias_vector{.dims = {.o = outputs}},
        shifts_(o.shift) {}

  [[nodiscard]] layer_traits traits() const override { return {.reads_x = true, .accumulates = true}; }
  void visit(layer_visitor<T>& v, const scope& at, index_t samples) override {
    v.on_parameter(scope{&at, "weight"}, weight);
    if (shifts_) v.on_parameter(scope{&at, "bias"}, bias_vector);
    v.on_activations(scope{&at, "y"}, y_, samples * this->out().size(), lifetime::output);
    v.on_numbers(scope{&at, "scratch"}, scratch_, kernels::scratch_size(problem(samples)), lifetime::scratch);
  }
  const T* forward(const pass& where, index_t n, const T* x, const T* /*addend*/) override {
    x_ = x, samples_ = n;
    const conv2d_problem p = problem(n);
    if (packed_ == nullptr) {
      kernels::forward(p, x, weight.value.data, bias_vector.value.data, y_.data, scratch_.data);
    } else {
      if (where.training) fail("layer.103", "project", "training while packed weights are in use");
      kernels::forward_packed(p, x, packed_, bias_vector.value.data, y_.data, scratch_.data);
    }
    return y_.data;
  }
  void backward(const pass&, index_t n, const layer_gradients<T>& g) override {
    require_forward(samples_, n);
    const conv2d_problem p = problem(n);
    if (!weight.frozen)
      kernels::backward_weights(p, x_, g.dy, weight.gradient.data, bias_vector.gradient.data, scratch_.data);
    if (g.dx != nullptr)
      kernels::backward_data(p, g.dy, weight.value.data, g.dx, g.accumulate, scratch_.data);
  }

  [[nodiscard]] index_t packed_size() const override { return kernels::packed_size(problem(1)); }
  void use_packed(master* to) override {
    if (to != nullptr) kernels::pack(problem(1), weight.value.data, to);
    packed_ = to;
  }

 private:
  // Every token as a sample of its own: matrix units take the same place of many samples at a time
  // (backend/cpu/conv2d_amx.hpp), and these lie beside each other.
  [[nodiscard]] conv2d_problem problem(index_t samples) const {
    const index_t rows = samples * this->in().height * this->in().width;
    return {rows, {this->in().channels, 1, 1}, {this->out().channels, 1, 1}, 1, 1, 0};
  }

  bool shifts_;
  buffer<T> y_;
  buffer<master> scratch_;
  const master* packed_ = nullptr;
  const T* x_ = nullptr;
  index_t samples_ = 0;
};

/// The same with a static shape.
template <class In, index_t Out, class Backend, class T>
class project : public shaped<project_layer<Backend, T>, In, shape<Out, In::height, In::width>> {
 public:
  project() : project::shaped(extents_of<In>, Out) {}
};

}  // namespace spankey
