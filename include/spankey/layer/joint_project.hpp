// Up to three linear maps of the same tokens, without biases, whose outputs lie side by side: y (N, T, O1 + O2 + ..) = x (N, T, C)
// [w1 w2 ..]. Each is a parameter of its own: "a|b|c" being the layer's name in its list, they are a.weight, b.weight, c.weight
// (O, C) in files, as Hugging Face's q_proj, k_proj and v_proj. In a session they are one product.
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "spankey/layer/shaped.hpp"

namespace spankey {

template <class Backend, class T>
class joint_project_layer : public layer<Backend, T> {
 public:
  using kernels = conv2d_kernels<Backend, T>;
  using columns = elementwise_kernels<Backend, T>;
  using master = master_t<T>;

  /// `name`: with as many parts as `o` has outputs.
  joint_project_layer(const extents& in, std::string_view name, const joint_outputs& o,
                      const linear_options& map = {})
      : layer<Backend, T>(in, {o.total(), in.height, in.width}) {
    const std::size_t last_point = name.rfind('.');
    const std::string block(name.substr(0, last_point == std::string_view::npos ? 0 : last_point + 1));
    for (index_t first = 0; count_ < o.count(); first += maps_[count_++].outputs) {
      one& m = maps_[count_];
      m.name = block + std::string(part_of_name(name, count_));
      m.first = first, m.outputs = o[count_];
      m.weight.dims = {.o = m.outputs, .i = in.channels, .file_rank = 2};
      m.weight.fill = map.fill, m.weight.gain = map.gain;
    }
  }

  /// The i-th of the parts that stand between bars behind the last point of a name.
  static constexpr std::string_view part_of_name(std::string_view name, std::size_t i) {
    name.remove_prefix(name.rfind('.') == std::string_view::npos ? 0 : name.rfind('.') + 1);
    for (; i > 0 && name.find('|') != std::string_view::npos; --i) name.remove_prefix(name.find('|') + 1);
    return name.substr(0, name.find('|'));
  }

  [[nodiscard]] layer_traits traits() const override { return {.reads_x = true, .accumulates = true}; }
  void visit(layer_visitor<T>& v, const scope& at, index_t samples) override {
    index_t most = 0;
    for (std::size_t i = 0; i < count_; ++i) {
      const scope named{at.outer, maps_[i].name};
      v.on_parameter(scope{&named, "weight"}, maps_[i].weight);
      most = std::max(most, kernels::scratch_size(problem(samples, maps_[i].outputs)));
    }
    v.on_activations(scope{&at, "y"}, y_, samples * this->out().size(), lifetime::output);
    // One buffer for both: whatever is scratch lies at one place.
    v.on_numbers(scope{&at, "scratch"}, scratch_, part_size(samples) + most, lifetime::scratch);
  }
  const T* forward(const pass& where, index_t n, const T* x, const T* /*addend*/) override {
    x_ = x, samples_ = n;
    if (packed_ != nullptr && where.training)
      fail("layer.103", "joint_project", "training while packed weights are in use");
    const master* packed = packed_;
    for_each_map([&](one& m) {
      const conv2d_problem p = problem(n, m.outputs);
      if (packed == nullptr) {
        kernels::forward(p, x, m.weight.value.data, nullptr, part(), kernel_scratch(n));
      } else {
        kernels::forward_packed(p, x, packed, nullptr, part(), kernel_scratch(n));
        packed += kernels::packed_size(p);
      }
      columns::copy_columns(n * places(), m.outputs, part(), m.outputs, y_.data + m.first,
                            this->out().channels);
    });
    return y_.data;
  }
  void backward(const pass&, index_t n, const layer_gradients<T>& g) override {
    require_forward(samples_, n);
    bool adds = g.accumulate;
    for_each_map([&](one& m) {
      const conv2d_problem p = problem(n, m.outputs);
      columns::copy_columns(n * places(), m.outputs, g.dy + m.first, this->out().channels, part(), m.outputs);
      if (!m.weight.frozen)
        kernels::backward_weights(p, x_, part(), m.weight.gradient.data, nullptr, kernel_scratch(n));
      if (g.dx != nullptr)
        kernels::backward_data(p, part(), m.weight.value.data, g.dx, adds, kernel_scratch(n));
      adds = true;
    });
  }

  [[nodiscard]] index_t packed_size() const override {
    index_t all = 0;
    for (std::size_t i = 0; i < count_; ++i) all += kernels::packed_size(problem(1, maps_[i].outputs));
    return all;
  }
  void use_packed(master* to) override {
    packed_ = to;
    if (to == nullptr) return;
    for_each_map([&](one& m) {
      kernels::pack(problem(1, m.outputs), m.weight.value.data, to);
      to += kernels::packed_size(problem(1, m.outputs));
    });
  }

 private:
  struct one {
    std::string name;
    index_t first = 0, outputs = 0;
    parameter<master> weight;
  };
  template <class F>
  void for_each_map(const F& f) {
    for (std::size_t i = 0; i < count_; ++i) f(maps_[i]);
  }
  [[nodiscard]] index_t places() const { return this->in().height * this->in().width; }
  // Every token as a sample of its own, as layer/project.hpp.
  [[nodiscard]] conv2d_problem problem(index_t samples, index_t outputs) const {
    return {samples * places(), {this->in().channels, 1, 1}, {outputs, 1, 1}, 1, 1, 0};
  }

  std::array<one, joint_outputs::most> maps_;
  std::size_t count_ = 0;
  // One map's outputs, or their gradient, and behind it what kernels work in.
  [[nodiscard]] T* part() const { return reinterpret_cast<T*>(scratch_.data); }
  [[nodiscard]] master* kernel_scratch(index_t n) const { return scratch_.data + part_size(n); }
  // In whole lines of memory.
  [[nodiscard]] index_t part_size(index_t n) const {
    index_t widest = 0;
    for (std::size_t i = 0; i < count_; ++i) widest = std::max(widest, maps_[i].outputs);
    return (n * places() * widest + 15) / 16 * 16;
  }
  static_assert(sizeof(T) <= sizeof(master));

  buffer<T> y_;
  buffer<master> scratch_;
  const master* packed_ = nullptr;
  const T* x_ = nullptr;
  index_t samples_ = 0;
};

}  // namespace spankey
