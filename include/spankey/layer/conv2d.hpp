// 2-d convolution layer. x (N, H, W, C) -> y (N, ceil(H/stride), ceil(W/stride), Out), zero padding kernel/2.
#pragma once

#include "spankey/core/error.hpp"
#include "spankey/layer/layer.hpp"

namespace spankey {

template <index_t Kernel, index_t Stride = 1>
struct window {
  static_assert(Kernel % 2 == 1, "SpanKey: convolution windows have odd size (padding is kernel/2)");
  static constexpr index_t kernel = Kernel, stride = Stride, padding = Kernel / 2;
};

enum class bias { none, learned };

template <class In, index_t Out, class Window, class Backend, class T, bias Bias = bias::none>
class conv2d {
  static constexpr index_t reduced(index_t extent) {
    return (extent + 2 * Window::padding - Window::kernel) / Window::stride + 1;
  }

 public:
  using input = In;
  using output = shape<Out, reduced(In::height), reduced(In::width)>;
  using kernels = conv2d_kernels<Backend, T>;
  using master = master_t<T>;

  parameter<master> weight{.dims = {Out, In::channels, Window::kernel, Window::kernel, 4}};
  parameter<master> bias_vector{.dims = {.o = Out}};

  conv2d() { require_backend<Backend, T>(); }

  static constexpr conv2d_problem problem(index_t samples) {
    return {samples, extents_of<In>, extents_of<output>, Window::kernel, Window::stride, Window::padding};
  }

  template <class F>
  void for_each_parameter(F&& f, const scope& at) {
    f(scope{&at, "weight"}, weight);
    if constexpr (Bias == bias::learned) f(scope{&at, "bias"}, bias_vector);
  }
  template <class Visitor>
  void for_each_buffer(Visitor& visit, const scope& at, index_t samples) {
    for_each_parameter([&](const scope& name, parameter<master>& p) { p.for_each_buffer(visit, name); }, at);
    visit(scope{&at, "y"}, y_, samples * output::size, lifetime::step);
    visit(scope{&at, "scratch"}, scratch_, kernels::scratch_size(problem(samples)), lifetime::scratch);
  }

  template <class Shape>
  batch_view<const T, output> forward(const pass& where, batch_view<const T, Shape> x) {
    require_shape<Shape, In>();
    x_ = x;
    const conv2d_problem p = problem(x.samples());
    if (packed_ == nullptr) {
      kernels::forward(p, x.data(), weight.value.data, bias_vector.value.data, y_.data, scratch_.data);
    } else {
      if (where.training) fail("layer.103", "conv2d", "training while packed weights are in use");
      kernels::forward_packed(p, x.data(), packed_, bias_vector.value.data, y_.data, scratch_.data);
    }
    return {y_.data, x.samples()};
  }

  /// Elements of the packed weights. use_packed(to) packs them and makes evaluation passes read them from there, until
  /// use_packed(nullptr).
  static constexpr index_t packed_size() { return kernels::packed_size(problem(1)); }
  void use_packed(master* to) {
    if (to != nullptr) kernels::pack(problem(1), weight.value.data, to);
    packed_ = to;
  }

  /// Weight gradients +=. dx = gradient of the input, or dx += with `accumulate`; dx without data: not
  /// wanted.
  void backward(const pass&, batch_view<const T, output> dy, batch_view<T, In> dx, bool accumulate = false) {
    const conv2d_problem p = problem(dy.samples());
    kernels::backward_weights(p, x_.data(), dy.data(), weight.gradient.data, bias_vector.gradient.data,
                              scratch_.data);
    if (dx.data() != nullptr)
      kernels::backward_data(p, dy.data(), weight.value.data, dx.data(), accumulate, scratch_.data);
  }

 private:
  buffer<T> y_;
  buffer<master> scratch_;
  const master* packed_ = nullptr;
  batch_view<const T, In> x_;
};

}  // namespace spankey
