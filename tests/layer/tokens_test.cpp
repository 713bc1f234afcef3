#include "spankey/layer/tokens.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "../testing/layer_probe.hpp"

using namespace spankey;

namespace {
using image = shape<3, 2, 2>;
}

TEST_CASE("tokens: gradients of x, positions and class token") {
  SUBCASE("class token") {
    test::layer_probe<tokens<image, backend::reference, double>> probe(3);
    test::check_layer(probe);
  }
  SUBCASE("none") {
    // A class token that is not there has no gradient; it is not visited.
    test::layer_probe<tokens<image, backend::reference, double, false>> probe(2);
    test::check_layer(probe);
  }
}

TEST_CASE("token: gradient of x") {
  test::layer_probe<token<shape<3, 4, 1>, 2, backend::reference, double>> probe(3);
  test::check_layer(probe);
}

TEST_CASE("tokens: the class token first, then the image row by row, positions added") {
  tokens<image, backend::reference, double> layer;
  const arena memory(layer, 2);
  for (index_t i = 0; i < 15; ++i) layer.positions.value.data[i] = 100 * static_cast<double>(i / 3);
  for (index_t i = 0; i < 3; ++i) layer.class_token.value.data[i] = 7;
  const auto x = test::numbers(24, 1);
  const auto y = layer.forward({}, {x.data(), 2});
  for (index_t n = 0; n < 2; ++n)
    for (index_t i = 0; i < 15; ++i) {
      const double from = i < 3 ? 7 : x[static_cast<std::size_t>(n * 12 + i - 3)];
      CHECK(y.data()[n * 15 + i] == from + 100 * static_cast<double>(i / 3));
    }
}

TEST_CASE("tokens: names and shapes are timm's") {
  std::vector<std::string> names;
  std::vector<std::array<index_t, 4>> shapes;
  const auto collect = [&](const scope& name, auto& p) {
    names.push_back(name.str());
    shapes.push_back(p.dims.file_shape());
    CHECK(p.dims.file_rank == 3);
  };
  tokens<image, backend::reference, double> layer;
  layer.for_each_parameter(collect, scope{nullptr, "pos_embed"});
  CHECK(names == std::vector<std::string>{"cls_token", "pos_embed"});
  CHECK(shapes == std::vector<std::array<index_t, 4>>{{1, 1, 3, 1}, {1, 5, 3, 1}});
  index_t count = 0;
  layer.positions.dims.for_each_position([&](index_t memory, index_t file) {
    CHECK(memory == file);
    ++count;
  });
  CHECK(count == 15);
}
