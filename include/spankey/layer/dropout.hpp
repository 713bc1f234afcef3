// Dropout (Srivastava et al. 2014): in training an element becomes 0 with probability p, and x / (1 - p) otherwise; in
// evaluation x passes through untouched. No mask is stored and no order of drawing matters: whether element i is
// dropped follows from the pass's seed and step, the layer's number and i's place in its group of the whole batch (core/random.hpp). So it is
// the same for any number of threads, after a resumption, and in every group of a stacked pass.
#pragma once

#include "spankey/layer/layer.hpp"

namespace spankey {

template <class Backend, class T>
class dropout_layer : public layer<Backend, T> {
 public:
  using kernels = dropout_kernels<Backend, T>;

  /// `number` tells the dropouts of a network apart.
  dropout_layer(const extents& shape, double probability, std::uint64_t number)
      : layer<Backend, T>(shape, shape), probability_(probability), first_(number << 40) {}

  [[nodiscard]] layer_traits traits() const override {
    return {.reads_x = false, .in_place = true, .may_pass_on = true};
  }
  void visit(layer_visitor<T>& v, const scope& at, index_t samples) override {
    v.on_activations(scope{&at, "y"}, y_, samples * this->out().size(), lifetime::output);
  }
  const T* forward(const pass& p, index_t n, const T* x, const T* /*addend*/) override {
    if (!p.training) return x;
    for_each_group(p, n, [&](index_t first, index_t count) {
      kernels::forward(problem(p), count, x + first, y_.data + first);
    });
    return y_.data;
  }
  void backward(const pass& p, index_t n, const layer_gradients<T>& g) override {
    if (!p.training) {
      if (g.dx != g.dy) memory_of<Backend>::copy(g.dy, n * this->out().size(), g.dx);
      return;
    }
    for_each_group(p, n, [&](index_t first, index_t count) {
      kernels::backward(problem(p), count, g.dy + first, g.dx + first);
    });
  }

 private:
  // f(first element, elements) for every group: all groups of a stacked pass drop the same, as they do in a shared one.
  template <class F>
  void for_each_group(const pass& p, index_t n, F&& f) const {
    const index_t count = n / p.parts() * this->out().size();
    for (index_t g = 0; g < p.parts(); ++g) f(g * count, count);
  }
  [[nodiscard]] dropout_problem problem(const pass& p) const {
    return {probability_, p.seed, p.step,
            first_ + static_cast<std::uint64_t>(p.first_sample * this->out().size())};
  }

  double probability_;
  std::uint64_t first_;
  buffer<T> y_;
};

}  // namespace spankey
