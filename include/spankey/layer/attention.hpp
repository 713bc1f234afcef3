// Scaled dot-product attention among the T tokens of a sample. x (N, T, 3C): every token's queries, keys and values, of C
// channels each, in `heads` heads of C / heads channels that lie side by side; y (N, T, C). With grouped queries there are
// fewer heads of keys and of values, and x is C (1 + 2 kv_heads / heads) channels wide. Tokens are rows of an image that is
// one column wide, extents {3C, T, 1}. No parameters; the same in training and evaluation. (Formulas:
// backend/reference/attention.hpp.) Of the T x T probabilities nothing is kept but a number a row.
#pragma once

#include "spankey/layer/shaped.hpp"

namespace spankey {

template <class Backend, class T>
class attention_layer : public layer<Backend, T> {
 public:
  using kernels = attention_kernels<Backend, T>;
  using master = master_t<T>;

  /// in: what `o` fits.
  attention_layer(const extents& in, const attention_options& o)
      : layer<Backend, T>(in, {o.outputs(in), in.height, in.width}), options_(o) {}

  [[nodiscard]] layer_traits traits() const override { return {.reads_x = true, .reads_y = true}; }
  void visit(layer_visitor<T>& v, const scope& at, index_t samples) override {
    v.on_numbers(scope{&at, "lse"}, lse_, problem(samples).rows(), lifetime::step);
    v.on_activations(scope{&at, "y"}, y_, samples * this->out().size(), lifetime::output);
    v.on_numbers(scope{&at, "scratch"}, scratch_, kernels::scratch_size(problem(samples)), lifetime::scratch);
  }
  const T* forward(const pass&, index_t n, const T* x, const T* /*addend*/) override {
    x_ = x, samples_ = n;
    kernels::forward(problem(n), {x, y_.data, lse_.data}, scratch_.data);
    return y_.data;
  }
  void backward(const pass&, index_t n, const layer_gradients<T>& g) override {
    require_forward(samples_, n);
    kernels::backward(problem(n), {x_, y_.data, g.dy, lse_.data, g.dx}, scratch_.data);
  }

 private:
  [[nodiscard]] attention_problem problem(index_t samples) const {
    return {samples,         this->in().height, options_.heads, this->out().channels / options_.heads,
            options_.causal, options_.kv_heads};
  }

  attention_options options_;
  buffer<T> y_;
  buffer<master> lse_, scratch_;
  const T* x_ = nullptr;
  index_t samples_ = 0;
};

/// The same with a static shape.
template <class Shape, index_t Heads, class Backend, class T, bool Causal = false, index_t KvHeads = Heads>
class attention : public shaped<attention_layer<Backend, T>, Shape,
                                shape<Shape::channels / (Heads + 2 * KvHeads) * Heads, Shape::height, 1>> {
  static_assert(Shape::width == 1 && Shape::channels % (Heads + 2 * KvHeads) == 0 && Heads % KvHeads == 0,
                "SpanKey: attention reads {3C, T, 1}, or fewer keys and values, and its heads divide C");

 public:
  attention()
      : attention::shaped(extents_of<Shape>,
                          attention_options{.heads = Heads, .causal = Causal, .kv_heads = KvHeads}) {}
};

}  // namespace spankey
