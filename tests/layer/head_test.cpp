#include "spankey/layer/head.hpp"

#include <doctest/doctest.h>

#include <string>
#include <type_traits>
#include <vector>

#include "../testing/layer_probe.hpp"
#include "spankey/backend/cpu/cpu.hpp"
#include "spankey/layer/linear.hpp"

using namespace spankey;

namespace {
// A head with static shapes, as the probe reads a layer.
template <class In, head_outputs Outputs, class Backend, class T>
class head_of : public head_layer<Backend, T> {
  using layer_type = head_layer<Backend, T>;
  using master = master_t<T>;

 public:
  using input = In;
  using output = shape<Outputs>;
  head_of() : layer_type(extents_of<In>, Outputs) {}
  batch_view<const master, output> forward(const pass&, batch_view<const T, In> x) {
    return {layer_type::forward(x.samples(), x.data()), x.samples()};
  }
  void backward(const pass&, batch_view<const master, output> dy, batch_view<T, In> dx) {
    layer_type::backward(dy.samples(), dy.data(), dx.data());
  }
};
template <class In, index_t Softmax>
using pair_of_maps = head_of<In, head_outputs(Softmax, aux_logit::reject), backend::reference, double>;

template <class Number>
std::vector<Number> drawn(index_t count, std::uint64_t seed) {
  const std::vector<double> wide = test::numbers(count, seed);
  std::vector<Number> narrow;
  for (const double v : wide) narrow.push_back(static_cast<Number>(v));
  return narrow;
}

// The pair beside one linear map of all outputs that holds the same weights: the same bits.
template <class Backend, class T>
void check_against_one_map(index_t samples) {
  using In = shape<3, 2, 4>;
  using master = master_t<T>;
  constexpr index_t classes = 10, all = classes + 1;
  head_of<In, head_outputs(classes, aux_logit::reject), Backend, T> pair;
  head_of<In, all, Backend, T> one;
  const arena pair_memory(pair, samples), one_memory(one, samples);
  const auto w = drawn<master>(In::size * all, 1), b = drawn<master>(all, 2);
  std::copy(w.begin(), w.end(), one.weight.value.data);
  std::copy(b.begin(), b.end(), one.bias_vector.value.data);
  for (std::size_t row = 0; row <= In::size; ++row) {
    const bool bias = row == In::size;
    const master* from = bias ? b.data() : w.data() + row * all;
    std::copy_n(from, classes, bias ? pair.bias_vector.value.data : pair.weight.value.data + row * classes);
    (bias ? pair.aux_bias.value.data : pair.aux_weight.value.data + row)[0] = from[classes];
  }

  const std::vector<T> x = drawn<T>(samples * In::size, 3);
  const auto dy = drawn<master>(samples * all, 4);
  std::vector<T> dx(x.size()), expected_dx(x.size());
  const batch_view<const T, In> view(x.data(), samples);
  const batch_view<const master, shape<all>> upstream(dy.data(), samples);
  const auto y = pair.forward({}, view), expected = one.forward({}, view);
  CHECK(std::equal(y.data(), y.data() + y.size(), expected.data()));
  pair.backward({}, upstream, {dx.data(), samples});
  one.backward({}, upstream, {expected_dx.data(), samples});
  CHECK(std::equal(dx.begin(), dx.end(), expected_dx.begin(),
                   [](T left, T right) { return static_cast<float>(left) == static_cast<float>(right); }));
  for (std::size_t i = 0; i < In::size; ++i) {
    for (std::size_t c = 0; c < classes; ++c)
      REQUIRE(pair.weight.gradient.data[i * classes + c] == one.weight.gradient.data[i * all + c]);
    REQUIRE(pair.aux_weight.gradient.data[i] == one.weight.gradient.data[i * all + classes]);
  }
  for (std::size_t c = 0; c < classes; ++c)
    CHECK(pair.bias_vector.gradient.data[c] == one.bias_vector.gradient.data[c]);
  CHECK(pair.aux_bias.gradient.data[0] == one.bias_vector.gradient.data[classes]);
}
}  // namespace

TEST_CASE("head: without an auxiliary logit it computes what a linear layer does") {
  constexpr index_t samples = 3;
  using In = shape<7>;
  head_of<In, 4, backend::cpu, float> head;
  linear<In, 4, backend::cpu, float> map;
  const arena head_memory(head, samples), map_memory(map, samples);
  const auto w = drawn<float>(7 * 4, 1), b = drawn<float>(4, 2);
  std::copy(w.begin(), w.end(), head.weight.value.data);
  std::copy(w.begin(), w.end(), map.weight.value.data);
  std::copy(b.begin(), b.end(), head.bias_vector.value.data);
  std::copy(b.begin(), b.end(), map.bias_vector.value.data);
  const std::vector<float> x = drawn<float>(samples * 7, 3);
  const batch_view<const float, In> view(x.data(), samples);
  const auto z = head.forward({}, view), y = map.forward({}, view);
  CHECK(std::equal(z.data(), z.data() + z.size(), y.data()));
  CHECK(std::is_same_v<decltype(head_layer<backend::cpu, bf16>::weight), parameter<float>>);
}

TEST_CASE("head: gradients of x, and of both maps' weights and biases") {
  SUBCASE("vector") {
    test::layer_probe<pair_of_maps<shape<7>, 4>> probe(3);
    test::check_layer(probe);
  }
  SUBCASE("image") {
    test::layer_probe<pair_of_maps<shape<3, 2, 2>, 5>> probe(2);
    test::check_layer(probe);
  }
  SUBCASE("one sample, one class") {
    test::layer_probe<pair_of_maps<shape<6>, 1>> probe(1);
    test::check_layer(probe);
  }
}

TEST_CASE("head: two maps compute what one map of all outputs computes") {
  for (const index_t samples : {1, 5}) {
    check_against_one_map<backend::reference, double>(samples);
    check_against_one_map<backend::cpu, float>(samples);
    check_against_one_map<backend::cpu, bf16>(samples);
  }
}

TEST_CASE("head: the auxiliary map is a sibling in the model's names, with file shapes of its own") {
  pair_of_maps<shape<2, 1, 3>, 4> layer;
  const scope model{nullptr, "model"};
  std::vector<std::string> lines;
  layer.for_each_parameter(
      [&](const scope& at, parameter<double>& w) {
        const auto extents = w.dims.file_shape();
        lines.push_back(at.str() + " " + std::to_string(extents[0]) + "x" + std::to_string(extents[1]));
      },
      scope{&model, "fc3"});
  CHECK(lines == std::vector<std::string>{"model.fc3.weight 4x6", "model.fc3.bias 4x1",
                                          "model.fc_aux.weight 1x6", "model.fc_aux.bias 1x1"});
}

TEST_CASE("head: without dx only the weight gradients are computed") {
  pair_of_maps<shape<3>, 1> layer;
  const arena memory(layer, 1);
  const std::vector<double> x = {1, 2, 3}, dy = {10, -1};
  layer.forward({}, batch_view<const double, shape<3>>{x.data(), 1});
  layer.backward({}, {dy.data(), 1}, {nullptr, 1});
  const double* main = layer.weight.gradient.data;
  const double* aux = layer.aux_weight.gradient.data;
  CHECK(std::vector<double>(main, main + 3) == std::vector<double>{10, 20, 30});
  CHECK(std::vector<double>(aux, aux + 3) == std::vector<double>{-1, -2, -3});
}
