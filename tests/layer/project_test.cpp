#include "spankey/layer/project.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "../testing/layer_probe.hpp"
#include "spankey/backend/cpu/cpu.hpp"
#include "spankey/layer/linear.hpp"

using namespace spankey;

TEST_CASE("project: gradients of x, weight and bias") {
  test::layer_probe<project<shape<5, 4, 1>, 3, backend::reference, double>> probe(3);
  test::check_layer(probe);
}

TEST_CASE("project: every token as a linear layer maps it") {
  project<shape<4, 3, 1>, 5, backend::reference, double> tokens;
  linear<shape<4>, 5, backend::reference, double> one;
  const arena memory(tokens, 2), of_one(one, 6);
  const auto w = test::numbers(20, 1), b = test::numbers(5, 2), x = test::numbers(24, 3);
  for (auto* p : {&tokens.weight, &one.weight}) std::copy(w.begin(), w.end(), p->value.data);
  for (auto* p : {&tokens.bias_vector, &one.bias_vector}) std::copy(b.begin(), b.end(), p->value.data);
  const auto y = tokens.forward({}, {x.data(), 2});
  const auto expected = one.forward({}, {x.data(), 6});
  for (index_t i = 0; i < 30; ++i) CHECK(y.data()[i] == doctest::Approx(expected.data()[i]));
}

TEST_CASE("project: files have (outputs, inputs), or Conv1D's (inputs, outputs)") {
  for (const bool first : {false, true}) {
    project_layer<backend::reference, double> layer({2, 4, 1}, 3, {.inputs_first = first});
    const auto shape = layer.weight.dims.file_shape();
    CHECK(shape[0] == (first ? 2 : 3));
    CHECK(shape[1] == (first ? 3 : 2));
    std::vector<index_t> at;
    layer.weight.dims.for_each_position([&](index_t, index_t file) { at.push_back(file); });
    CHECK(at == (first ? std::vector<index_t>{0, 1, 2, 3, 4, 5} : std::vector<index_t>{0, 2, 4, 1, 3, 5}));
    std::vector<std::string> names;
    layer.for_each_parameter([&](const scope& name, auto&) { names.push_back(name.str()); },
                             scope{nullptr, "qkv"});
    CHECK(names == std::vector<std::string>{"qkv.weight", "qkv.bias"});
  }
}

// Memory for 40 samples serves every smaller batch; packed weights give the same.
TEST_CASE_TEMPLATE("project: every batch size agrees with the reference, packed or not", T, float, bf16) {
  using shape_in = shape<19, 6, 1>;
  project<shape_in, 70, backend::cpu, T> layer;
  project<shape_in, 70, backend::reference, double> expected;
  const arena memory(layer, 40), of_expected(expected, 40);
  const auto fill = [](auto& p, std::uint64_t seed) {
    const auto drawn = test::numbers(p.dims.size(), seed);
    for (index_t i = 0; i < p.dims.size(); ++i)
      p.value.data[i] = static_cast<float>(drawn[static_cast<std::size_t>(i)]);
  };
  fill(layer.weight, 1), fill(expected.weight, 1), fill(layer.bias_vector, 2), fill(expected.bias_vector, 2);
  // bf16 multiplies rounded weights.
  for (index_t i = 0; i < layer.weight.dims.size(); ++i)
    layer.weight.value.data[i] = static_cast<float>(
        expected.weight.value.data[i] = static_cast<double>(static_cast<T>(layer.weight.value.data[i])));
  std::vector<float> packed(static_cast<std::size_t>(layer.packed_size()));
  for (const index_t n : {1, 2, 3, 5, 7, 16, 31, 32, 33, 40}) {
    CAPTURE(n);
    const auto drawn = test::numbers(n * shape_in::size, 3), upstream = test::numbers(n * 70 * 6, 4);
    const std::vector<T> x(drawn.begin(), drawn.end()), dy(upstream.begin(), upstream.end());
    const std::vector<double> wx(x.begin(), x.end()), wdy(dy.begin(), dy.end());
    const double precision = std::is_same_v<T, float> ? 1e-5 : 1e-2;
    const auto check = [&](const T* found, const double* wanted, index_t count) {
      double worst = 0;
      for (index_t i = 0; i < count; ++i)
        worst =
            std::max(worst, std::abs(static_cast<double>(found[i]) - wanted[i]) / (1 + std::abs(wanted[i])));
      CHECK(worst < precision);
    };
    const auto y = expected.forward({}, {wx.data(), n});
    check(layer.forward({.training = true}, {x.data(), n}).data(), y.data(), n * 70 * 6);
    layer.use_packed(packed.data());
    check(layer.forward({}, {x.data(), n}).data(), y.data(), n * 70 * 6);
    layer.use_packed(nullptr);
    std::vector<T> dx(x.size());
    std::vector<double> edx(x.size());
    layer.backward({}, {dy.data(), n}, {dx.data(), n});
    expected.backward({}, {wdy.data(), n}, {edx.data(), n});
    check(dx.data(), edx.data(), n * shape_in::size);
  }
  double worst = 0;
  for (index_t i = 0; i < layer.weight.dims.size(); ++i)
    worst = std::max(worst, std::abs(static_cast<double>(layer.weight.gradient.data[i]) -
                                     expected.weight.gradient.data[i]));
  CHECK(worst < 1e-3);
}
