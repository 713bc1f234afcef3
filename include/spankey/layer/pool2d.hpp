// Pooling layers. max_pool2d: the largest of every window, places outside the image left out. mean_pool2d: the mean
// over all of H x W.
#pragma once

#include "spankey/layer/shaped.hpp"

namespace spankey {

template <class Backend, class T>
class max_pool2d_layer : public layer<Backend, T> {
 public:
  using kernels = pool2d_kernels<Backend, T>;

  max_pool2d_layer(const extents& in, const pool2d_options& o)
      : layer<Backend, T>(in, {in.channels, o.output_of(in.height), o.output_of(in.width)}), options_(o) {}

  [[nodiscard]] layer_traits traits() const override { return {.reads_x = true}; }
  void visit(layer_visitor<T>& v, const scope& at, index_t samples) override {
    v.on_activations(scope{&at, "y"}, y_, samples * this->out().size(), lifetime::output);
  }
  const T* forward(const pass&, index_t n, const T* x, const T* /*addend*/) override {
    x_ = x;
    kernels::max_forward(problem(n), x, y_.data);
    return y_.data;
  }
  void backward(const pass&, index_t n, const layer_gradients<T>& g) override {
    kernels::max_backward(problem(n), x_, g.dy, g.dx);
  }

 private:
  [[nodiscard]] pool2d_problem problem(index_t samples) const {
    return {samples, this->in(), this->out(), options_.kernel, options_.stride, options_.padding};
  }

  pool2d_options options_;
  buffer<T> y_;
  const T* x_ = nullptr;
};

template <class Backend, class T>
class mean_pool2d_layer : public layer<Backend, T> {
 public:
  using kernels = pool2d_kernels<Backend, T>;

  explicit mean_pool2d_layer(const extents& in) : layer<Backend, T>(in, {in.channels, 1, 1}) {}
  [[nodiscard]] layer_traits traits() const override { return {.reads_x = false}; }
  void visit(layer_visitor<T>& v, const scope& at, index_t samples) override {
    v.on_activations(scope{&at, "y"}, y_, samples * this->out().size(), lifetime::output);
  }
  const T* forward(const pass&, index_t n, const T* x, const T* /*addend*/) override {
    kernels::mean_forward(n, this->in(), x, y_.data);
    return y_.data;
  }
  void backward(const pass&, index_t n, const layer_gradients<T>& g) override {
    kernels::mean_backward(n, this->in(), g.dy, g.dx);
  }

 private:
  buffer<T> y_;
};

/// The same with static shapes; windows of 2x2 side by side.
template <class In, class Backend, class T>
class max_pool2d
    : public shaped<max_pool2d_layer<Backend, T>, In, shape<In::channels, In::height / 2, In::width / 2>> {
 public:
  max_pool2d() : max_pool2d::shaped(extents_of<In>, pool2d_options{}) {}
};
template <class In, class Backend, class T>
class mean_pool2d : public shaped<mean_pool2d_layer<Backend, T>, In, shape<In::channels>> {
 public:
  mean_pool2d() : mean_pool2d::shaped(extents_of<In>) {}
};

}  // namespace spankey
