#include "spankey/layer/embedding.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "../testing/layer_probe.hpp"
#include "spankey/core/token.hpp"

using namespace spankey;

TEST_CASE("embedding: rows of the table, and gradients that add up for tokens that come twice") {
  embedding_layer<backend::reference, double> layer({2, 3, 1}, 300, 2);
  const arena memory(layer, 2);
  for (index_t i = 0; i < 600; ++i) layer.weight.value.data[i] = static_cast<double>(i);
  const std::vector<int> tokens{299, 0, 7, 7, 256, 7};
  std::vector<double> x(12), dy{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  for (std::size_t i = 0; i < 6; ++i) write_token(tokens[i], x.data() + 2 * i);
  const double* const y = layer.forward({}, 2, x.data(), nullptr);
  for (std::size_t i = 0; i < 6; ++i)
    for (std::size_t c = 0; c < 2; ++c) CHECK(y[2 * i + c] == 2 * tokens[i] + static_cast<int>(c));
  std::fill_n(layer.weight.gradient.data, 600, 0.0);
  for (int run = 0; run < 2; ++run) layer.backward({}, 2, {dy.data(), nullptr});
  std::vector<double> expected(600, 0.0);
  for (std::size_t i = 0; i < 6; ++i)
    for (std::size_t c = 0; c < 2; ++c)
      expected[static_cast<std::size_t>(2 * tokens[i]) + c] += 2 * dy[2 * i + c];
  CHECK(std::vector<double>(layer.weight.gradient.data, layer.weight.gradient.data + 600) == expected);
}

TEST_CASE("embedding: a token that is none reads the last row") {
  const embedding_problem p{1, 10, 4};
  for (const double high : {0.0, 1.0, -1.0}) {
    const double x[2] = {high, 12};
    CHECK(p.token(x) == 9);
  }
}

TEST_CASE("embedding: the name and the shape of its table in files") {
  embedding_layer<backend::reference, double> layer({2, 3, 1}, 5, 4);
  layer.for_each_parameter(
      [](const scope& name, auto& p) {
        CHECK(name.str() == "wte.weight");
        CHECK(p.dims.file_rank == 2);
        CHECK(p.dims.file_shape() == std::array<index_t, 4>{5, 4, 1, 1});
        p.dims.for_each_position([](index_t memory, index_t file) { CHECK(memory == file); });
      },
      scope{nullptr, "wte"});
}
