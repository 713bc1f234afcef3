// A head with an answer for every token: logits z (N, T, V) = x (N, T, C) E^T, without a bias, E (V, C) being the table of the
// network's embedding (layer/embedding.hpp), which both train: what one adds to its gradient, the other adds to.
#pragma once

#include "spankey/layer/embedding.hpp"
#include "spankey/layer/head.hpp"

namespace spankey {

template <class Backend, class T>
class token_head_layer : public any_head<Backend, T> {
 public:
  using kernels = embedding_kernels<Backend, T>;
  using master = master_t<T>;

  /// in: {C, T, 1}. The embedding outlives the head.
  token_head_layer(const extents& in, const head_outputs& outputs, embedding_layer<Backend, T>& embedding)
      : any_head<Backend, T>(in, outputs, in.height), table_(embedding.weight) {}

  void visit(layer_visitor<T>& v, const scope& at, index_t samples) override {
    // Kept: callers read the logits after the backward pass.
    v.on_numbers(scope{&at, "y"}, y_, samples * this->answers() * this->outputs(), lifetime::kept);
    v.on_numbers(scope{&at, "scratch"}, scratch_, kernels::scratch_size(problem(samples)), lifetime::scratch);
  }
  const master* forward(index_t n, const T* x) override {
    x_ = x, samples_ = n;
    kernels::answers(problem(n), x, table_.value.data, y_.data, scratch_.data);
    return y_.data;
  }
  void backward(index_t n, const master* dz, T* dx) override {
    require_forward(samples_, n);
    if (!table_.frozen) kernels::answers_table(problem(n), x_, dz, table_.gradient.data, scratch_.data);
    if (dx != nullptr) kernels::answers_data(problem(n), dz, table_.value.data, dx, scratch_.data);
  }

 private:
  [[nodiscard]] embedding_problem problem(index_t samples) const {
    return {samples * this->answers(), this->outputs(), this->in_.channels};
  }

  parameter<master>& table_;
  buffer<master> y_, scratch_;
  const T* x_ = nullptr;
  index_t samples_ = 0;
};

}  // namespace spankey
