// A row of a table for every token of a sample: x {2, T, 1} (core/token.hpp) -> y (N, T, C). Parameter `weight`, (V, C) in files
// and in memory. It is the first layer of a network; a head may share its table (layer/head.hpp).
#pragma once

#include "spankey/layer/shaped.hpp"

namespace spankey {

template <class Backend, class T>
class embedding_layer : public layer<Backend, T> {
 public:
  using kernels = embedding_kernels<Backend, T>;
  using master = master_t<T>;

  parameter<master> weight;

  /// in: {2, T, 1}.
  embedding_layer(const extents& in, index_t vocabulary, index_t channels)
      : layer<Backend, T>(in, {channels, in.height, in.width}),
        weight{.dims = {.o = channels, .i = vocabulary, .file_rank = 2, .inputs_first = true},
               .fill = initialiser::normal} {}

  [[nodiscard]] layer_traits traits() const override { return {.reads_x = true}; }
  void visit(layer_visitor<T>& v, const scope& at, index_t samples) override {
    v.on_parameter(scope{&at, "weight"}, weight);
    v.on_activations(scope{&at, "y"}, y_, samples * this->out().size(), lifetime::output);
  }
  const T* forward(const pass&, index_t n, const T* x, const T* /*addend*/) override {
    x_ = x, samples_ = n;
    kernels::forward(problem(n), x, weight.value.data, y_.data);
    return y_.data;
  }
  /// Tokens have no gradient: dx is not written.
  void backward(const pass&, index_t n, const layer_gradients<T>& g) override {
    require_forward(samples_, n);
    if (!weight.frozen) kernels::backward(problem(n), x_, g.dy, weight.gradient.data);
  }

 private:
  [[nodiscard]] embedding_problem problem(index_t samples) const {
    return {samples * this->in().height * this->in().width, weight.dims.i, weight.dims.o};
  }

  buffer<T> y_;
  const T* x_ = nullptr;
  index_t samples_ = 0;
};

}  // namespace spankey
