#include "spankey/layer/token_head.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <vector>

#include "../testing/layer_probe.hpp"

using namespace spankey;

namespace {

// An embedding and the head that shares its table, in one arena.
struct pair_of_layers : visited<double> {
  embedding_layer<backend::reference, double> embedding{{2, 3, 1}, 5, 4};
  token_head_layer<backend::reference, double> head{{4, 3, 1}, head_outputs(5), embedding};
  void visit(layer_visitor<double>& v, const scope& at, index_t samples) override {
    embedding.visit(v, scope{&at, "wte"}, samples);
    head.visit(v, scope{&at, "head"}, samples);
  }
};

}  // namespace

TEST_CASE("token head: an answer for every token, and gradients of x and of the shared table") {
  pair_of_layers layers;
  const arena memory(layers, 2);
  auto table = test::numbers(20, 1), x = test::numbers(24, 2), dz = test::numbers(30, 3);
  std::copy(table.begin(), table.end(), layers.embedding.weight.value.data);
  CHECK(layers.head.answers() == 3);
  index_t parameters = 0;
  layers.head.for_each_parameter([&](const scope&, auto&) { ++parameters; }, scope{nullptr, "head"});
  CHECK(parameters == 0);
  const auto loss = [&] {
    const double* const z = layers.head.forward(2, x.data());
    double sum = 0;
    for (std::size_t i = 0; i < dz.size(); ++i) sum += dz[i] * z[i];
    return sum;
  };
  // The first answer, by hand.
  double first = 0;
  for (std::size_t c = 0; c < 4; ++c) first += x[c] * table[4 + c];
  CHECK(layers.head.forward(2, x.data())[1] == doctest::Approx(first));

  std::vector<double> dx(24, 9.0);
  double* const gradient = layers.embedding.weight.gradient.data;
  std::fill_n(gradient, 20, 0.0);
  for (int run = 0; run < 2; ++run) {
    loss();
    layers.head.backward(2, dz.data(), dx.data());
  }
  const auto of_x = check_gradient(x, dx, loss);
  CHECK(of_x.numeric_norm > 1e-3);
  CHECK(of_x.error < 1e-8);
  std::vector<double> once(gradient, gradient + 20),
      values(layers.embedding.weight.value.data, layers.embedding.weight.value.data + 20);
  for (double& g : once) g /= 2;
  const auto of_table = check_gradient(values, once, [&] {
    std::copy(values.begin(), values.end(), layers.embedding.weight.value.data);
    return loss();
  });
  CHECK(of_table.numeric_norm > 1e-3);
  CHECK(of_table.error < 1e-8);
}

TEST_CASE("token head: nothing is added to a frozen table") {
  pair_of_layers layers;
  const arena memory(layers, 1);
  const auto x = test::numbers(12, 2), dz = test::numbers(15, 3);
  std::fill_n(layers.embedding.weight.value.data, 20, 1.0);
  std::fill_n(layers.embedding.weight.gradient.data, 20, 0.0);
  layers.embedding.weight.frozen = true;
  layers.head.forward(1, x.data());
  layers.head.backward(1, dz.data(), nullptr);
  for (int i = 0; i < 20; ++i) CHECK(layers.embedding.weight.gradient.data[i] == 0);
}
