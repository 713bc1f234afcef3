// 2-d convolution layer. x (N, H, W, C) -> y (N, H', W', Out). Windows, strides, zero padding, groups:
// layer/options.hpp.
#pragma once

#include <cmath>

#include "spankey/layer/shaped.hpp"

namespace spankey {

template <class Backend, class T>
class conv2d_layer : public layer<Backend, T> {
 public:
  using kernels = conv2d_kernels<Backend, T>;
  using master = master_t<T>;

  parameter<master> weight, bias_vector;

  conv2d_layer(const extents& in, index_t channels, const conv2d_options& o)
      : layer<Backend, T>(in, {channels, o.output_of(in.height), o.output_of(in.width)}),
        weight{.dims = {channels, in.channels / o.groups, o.kernel, o.kernel, 4}, .fill = o.fill},
        bias_vector{.dims = {.o = channels}},
        options_(o) {
    if (!o.draws_bias) return;
    // A vector has a fan-in of 1.
    bias_vector.fill = initialiser::uniform_fan_in;
    bias_vector.gain = 1 / std::sqrt(static_cast<double>(weight.dims.size() / channels));
  }

  [[nodiscard]] conv2d_problem problem(index_t samples) const {
    return {samples,         this->in(),        this->out(),    options_.kernel,
            options_.stride, options_.before(), options_.groups};
  }
  [[nodiscard]] layer_traits traits() const override { return {.reads_x = true, .accumulates = true}; }

  void visit(layer_visitor<T>& v, const scope& at, index_t samples) override {
    v.on_parameter(scope{&at, "weight"}, weight);
    if (options_.bias == bias::learned) v.on_parameter(scope{&at, "bias"}, bias_vector);
    v.on_activations(scope{&at, "y"}, y_, samples * this->out().size(), lifetime::output);
    v.on_numbers(scope{&at, "scratch"}, scratch_, kernels::scratch_size(problem(samples)), lifetime::scratch);
  }

  const T* forward(const pass& where, index_t n, const T* x, const T* /*addend*/) override {
    x_ = x, samples_ = n;
    const conv2d_problem p = problem(n);
    if (packed_ == nullptr) {
      kernels::forward(p, x, weight.value.data, bias_vector.value.data, y_.data, scratch_.data);
    } else {
      if (where.training) fail("layer.103", "conv2d", "training while packed weights are in use");
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
  conv2d_options options_;
  buffer<T> y_;
  buffer<master> scratch_;
  const master* packed_ = nullptr;
  const T* x_ = nullptr;
  index_t samples_ = 0;
};

template <index_t Kernel, index_t Stride = 1, padding Pad = padding::same>
struct window {
  static_assert(Kernel > 0 && Stride > 0, "SpanKey: windows and strides of a convolution are at least 1");
  static constexpr conv2d_options options{.kernel = Kernel, .stride = Stride, .pad = Pad};
};

/// The same with static shapes.
template <class In, index_t Out, class Window, class Backend, class T, bias Bias = bias::none>
class conv2d
    : public shaped<conv2d_layer<Backend, T>, In,
                    shape<Out, Window::options.output_of(In::height), Window::options.output_of(In::width)>> {
 public:
  conv2d() : conv2d::shaped(extents_of<In>, Out, with_bias()) {}

 private:
  static constexpr conv2d_options with_bias() {
    conv2d_options o = Window::options;
    o.bias = Bias;
    return o;
  }
};

}  // namespace spankey
