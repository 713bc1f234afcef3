// From an image to tokens: every place of x (N, H, W, C), row by row, becomes a token, to which a trained position is added;
// in front of them a trained class token, if it is asked for. y (N, T, C), extents {C, T, 1}, T = H*W or H*W + 1. Names in
// files are timm's: the layer's own for the positions (1, T, C), and `cls_token` (1, 1, C) beside it.
// (Formulas: backend/reference/tokens.hpp.)
#pragma once

#include "spankey/layer/shaped.hpp"

namespace spankey {

template <class Backend, class T>
class tokens_layer : public layer<Backend, T> {
 public:
  using kernels = tokens_kernels<Backend, T>;
  using master = master_t<T>;

  parameter<master> class_token, positions;

  explicit tokens_layer(const extents& in, const tokens_options& o = {})
      : layer<Backend, T>(in, o.output_of(in)),
        class_token{.dims = rows(1), .fill = initialiser::normal, .gain = 5e-5},
        positions{.dims = o.as_matrix ? matrix(o) : rows(count(o)), .fill = initialiser::normal},
        options_(o) {}

  [[nodiscard]] layer_traits traits() const override { return {.reads_x = false}; }
  void visit(layer_visitor<T>& v, const scope& at, index_t samples) override {
    if (options_.class_token) v.on_parameter(scope{at.outer, "cls_token"}, class_token);
    v.on_parameter(at, positions);
    v.on_activations(scope{&at, "y"}, y_, samples * this->out().size(), lifetime::output);
  }
  const T* forward(const pass&, index_t n, const T* x, const T* /*addend*/) override {
    kernels::forward(problem(n), x, class_token.value.data, positions.value.data, y_.data);
    return y_.data;
  }
  void backward(const pass&, index_t n, const layer_gradients<T>& g) override {
    kernels::backward(problem(n), g.dy, class_token.frozen ? nullptr : class_token.gradient.data,
                      positions.frozen ? nullptr : positions.gradient.data, g.dx);
  }

 private:
  [[nodiscard]] index_t count(const tokens_options& o) const {
    return o.positions > 0 ? o.positions : this->out().height;
  }
  [[nodiscard]] parameter_extents rows(index_t count) const {
    return {.o = this->in().channels, .h = count, .file_rank = 3, .inputs_first = true};
  }
  [[nodiscard]] parameter_extents matrix(const tokens_options& o) const {
    return {.o = this->in().channels, .i = count(o), .file_rank = 2, .inputs_first = true};
  }
  [[nodiscard]] tokens_problem problem(index_t samples) const {
    return {samples, this->out().height, this->out().channels, options_.class_token};
  }

  tokens_options options_;
  buffer<T> y_;
};

/// One of the tokens: x (N, T, C) -> y (N, C).
template <class Backend, class T>
class token_layer : public layer<Backend, T> {
 public:
  using kernels = tokens_kernels<Backend, T>;

  /// in: {C, T, 1}; 0 <= index < T.
  token_layer(const extents& in, index_t index) : layer<Backend, T>(in, {in.channels, 1, 1}), index_(index) {}

  [[nodiscard]] layer_traits traits() const override { return {.reads_x = false}; }
  void visit(layer_visitor<T>& v, const scope& at, index_t samples) override {
    v.on_activations(scope{&at, "y"}, y_, samples * this->out().size(), lifetime::output);
  }
  const T* forward(const pass&, index_t n, const T* x, const T* /*addend*/) override {
    kernels::take(problem(n), index_, x, y_.data);
    return y_.data;
  }
  void backward(const pass&, index_t n, const layer_gradients<T>& g) override {
    kernels::put(problem(n), index_, g.dy, g.dx);
  }

 private:
  [[nodiscard]] tokens_problem problem(index_t samples) const {
    return {samples, this->in().height * this->in().width, this->in().channels};
  }

  index_t index_;
  buffer<T> y_;
};

/// The same with static shapes.
template <class In, class Backend, class T, bool ClassToken = true>
class tokens : public shaped<tokens_layer<Backend, T>, In,
                             shape<In::channels, In::height * In::width + (ClassToken ? 1 : 0), 1>> {
 public:
  tokens() : tokens::shaped(extents_of<In>, tokens_options{.class_token = ClassToken}) {}
};
template <class In, index_t Index, class Backend, class T>
class token : public shaped<token_layer<Backend, T>, In, shape<In::channels, 1, 1>> {
  static_assert(Index >= 0 && Index < In::height * In::width, "SpanKey: there is no such token");

 public:
  token() : token::shaped(extents_of<In>, Index) {}
};

}  // namespace spankey
