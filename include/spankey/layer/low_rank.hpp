// A linear map with adapters (Hu et al. 2021, "LoRA"): y = x (W + s A B) + b, s = alpha / rank. For every token, or of all
// features of a sample (layer/project.hpp, layer/linear.hpp), under the names of the map without them, so that its files fit.
//   W (C, O) and b (O)       of the map, usually frozen          A (C, r), B (r, O)       lora_A and lora_B, as PEFT names them
//   dB += (s x A)^T dy       dA += x^T (dy (s B)^T)              dx = dy (W + s A B)^T
// Fresh, A is drawn from U(-1/sqrt(C), 1/sqrt(C)) and B is 0: the map is what it was. W + s A B is computed once a pass, and a
// merged map (model/adapters.hpp) computes the same bits. In the host's memory only.
#pragma once

#include <algorithm>
#include <vector>

#include "spankey/core/memory.hpp"
#include "spankey/layer/shaped.hpp"

namespace spankey {

/// to (C, O) = w + s a b; a (C, r), b (r, O). `to` may be w.
template <class M>
void add_low_rank(const parameter_extents& of_w, index_t rank, M s, const M* a, const M* b, const M* w,
                  M* to) {
  const index_t inputs = of_w.size() / of_w.o, outputs = of_w.o;
  for (index_t i = 0; i < inputs; ++i) {
    if (w != to) std::copy_n(w + i * outputs, outputs, to + i * outputs);
    for (index_t j = 0; j < rank; ++j) {
      const M factor = s * a[i * rank + j];
      for (index_t o = 0; o < outputs; ++o) to[i * outputs + o] += factor * b[j * outputs + o];
    }
  }
}

template <class Backend, class T>
class low_rank_layer : public layer<Backend, T> {
 public:
  using kernels = conv2d_kernels<Backend, T>;
  using master = master_t<T>;

  parameter<master> weight, bias_vector, a, b;

  /// o.rank from 1. Where `out` has places, a map of each; else one of all features. Fails with layer.105 where the memory
  /// is not the host's.
  low_rank_layer(const extents& in, const extents& out, const linear_options& o)
      : layer<Backend, T>(in, out),
        weight{.dims = of_inputs(out.channels, o.inputs_first), .fill = o.fill, .gain = o.gain},
        bias_vector{.dims = {.o = out.channels}},
        a{.dims = of_inputs(o.rank, true), .fill = initialiser::uniform_fan_in},
        b{.dims = {.o = out.channels, .i = o.rank, .file_rank = 2, .inputs_first = true}},
        rank_(o.rank),
        scale_(static_cast<master>(o.adapter_scale())) {
    if constexpr (!memory_of<Backend>::on_host)
      fail("layer.105", "low_rank",
           "found adapters on a device, expected backend::cpu or backend::reference");
  }

  [[nodiscard]] layer_traits traits() const override { return {.reads_x = true, .accumulates = per_place()}; }
  void visit(layer_visitor<T>& v, const scope& at, index_t samples) override {
    const scope of_a{&at, "lora_A"}, of_b{&at, "lora_B"};
    v.on_parameter(scope{&at, "weight"}, weight);
    v.on_parameter(scope{&at, "bias"}, bias_vector);
    v.on_parameter(scope{&of_a, "weight"}, a);
    v.on_parameter(scope{&of_b, "weight"}, b);
    v.on_activations(scope{&at, "y"}, y_, samples * this->out().size(), lifetime::output);
    v.on_numbers(scope{&at, "merged"}, merged_, weight.dims.size(), lifetime::step);
    v.on_numbers(scope{&at, "scaled"}, scaled_, std::max(a.dims.size(), b.dims.size()), lifetime::step);
    v.on_activations(scope{&at, "narrow"}, narrow_, rows(samples) * rank_, lifetime::step);
    index_t scratch = 0;
    for (const conv2d_problem& p : {whole(samples), into(samples), out_of(samples)})
      scratch = std::max(scratch, kernels::scratch_size(p));
    v.on_numbers(scope{&at, "scratch"}, scratch_, scratch, lifetime::scratch);
  }
  const T* forward(const pass& where, index_t n, const T* x, const T* /*addend*/) override {
    x_ = x, samples_ = n;
    if (packed_ == nullptr) {
      merge(merged_.data);
      kernels::forward(whole(n), x, merged_.data, bias_vector.value.data, y_.data, scratch_.data);
    } else {
      if (where.training) fail("layer.103", "low_rank", "training while packed weights are in use");
      kernels::forward_packed(whole(n), x, packed_, bias_vector.value.data, y_.data, scratch_.data);
    }
    return y_.data;
  }
  void backward(const pass&, index_t n, const layer_gradients<T>& g) override {
    require_forward(samples_, n);
    if (!weight.frozen)
      kernels::backward_weights(whole(n), x_, g.dy, weight.gradient.data, bias_vector.gradient.data,
                                scratch_.data);
    if (!b.frozen) {
      kernels::forward(into(n), x_, times_scale(a), nullptr, narrow_.data, scratch_.data);
      kernels::backward_weights(out_of(n), narrow_.data, g.dy, b.gradient.data, nullptr, scratch_.data);
    }
    if (!a.frozen) {
      kernels::backward_data(out_of(n), g.dy, times_scale(b), narrow_.data, false, scratch_.data);
      kernels::backward_weights(into(n), x_, narrow_.data, a.gradient.data, nullptr, scratch_.data);
    }
    if (g.dx == nullptr) return;
    if (packed_ != nullptr) merge(merged_.data);  // which forward did otherwise
    kernels::backward_data(whole(n), g.dy, merged_.data, g.dx, g.accumulate, scratch_.data);
  }

  [[nodiscard]] index_t packed_size() const override { return kernels::packed_size(whole(1)); }
  void use_packed(master* to) override {
    if (to != nullptr) {
      std::vector<master> merged(static_cast<std::size_t>(weight.dims.size()));
      merge(merged.data());
      kernels::pack(whole(1), merged.data(), to);
    }
    packed_ = to;
  }

 private:
  [[nodiscard]] bool per_place() const { return this->out().height * this->out().width > 1; }
  // A vector of features is a place of its own, with as many channels.
  [[nodiscard]] bool flattens() const { return this->in().height * this->in().width > 1 && !per_place(); }
  [[nodiscard]] parameter_extents of_inputs(index_t outputs, bool inputs_first) const {
    const extents& in = this->in();
    if (flattens()) return {outputs, in.channels, in.height, in.width, 2, inputs_first};
    return {.o = outputs, .i = in.channels, .file_rank = 2, .inputs_first = inputs_first};
  }
  [[nodiscard]] index_t rows(index_t samples) const {
    return per_place() ? samples * this->in().height * this->in().width : samples;
  }
  [[nodiscard]] index_t inputs() const { return flattens() ? this->in().size() : this->in().channels; }
  [[nodiscard]] static conv2d_problem map(index_t rows, index_t in, index_t out) {
    return {rows, {in, 1, 1}, {out, 1, 1}, 1, 1, 0};
  }
  [[nodiscard]] conv2d_problem whole(index_t n) const { return map(rows(n), inputs(), this->out().channels); }
  [[nodiscard]] conv2d_problem into(index_t n) const { return map(rows(n), inputs(), rank_); }
  [[nodiscard]] conv2d_problem out_of(index_t n) const { return map(rows(n), rank_, this->out().channels); }

  void merge(master* to) const {
    add_low_rank(weight.dims, rank_, scale_, a.value.data, b.value.data, weight.value.data, to);
  }
  const master* times_scale(const parameter<master>& p) {
    std::transform(p.value.data, p.value.data + p.dims.size(), scaled_.data,
                   [this](master x) { return scale_ * x; });
    return scaled_.data;
  }

  index_t rank_;
  master scale_;
  buffer<T> y_, narrow_;
  buffer<master> merged_, scaled_, scratch_;
  const master* packed_ = nullptr;
  const T* x_ = nullptr;
  index_t samples_ = 0;
};

/// The same with static shapes: a map of every place, or where `Out` has one place of all features.
template <class In, class Out, index_t Rank, class Backend, class T>
class low_rank : public shaped<low_rank_layer<Backend, T>, In, Out> {
 public:
  low_rank() : low_rank::shaped(extents_of<In>, extents_of<Out>, linear_options{.rank = Rank}) {}
};

}  // namespace spankey
