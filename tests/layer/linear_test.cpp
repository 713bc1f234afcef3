#include "spankey/layer/linear.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "../testing/layer_probe.hpp"

using namespace spankey;

namespace {
template <class In, index_t Out>
using map = linear<In, Out, backend::reference, double>;
}

TEST_CASE("linear: gradients of x, weights and bias, on vectors and on images") {
  SUBCASE("vector") {
    test::layer_probe<map<shape<7>, 4>> probe(3);
    test::check_layer(probe);
  }
  SUBCASE("image") {
    test::layer_probe<map<shape<3, 2, 2>, 5>> probe(2);
    test::check_layer(probe);
  }
  SUBCASE("one sample, one output") {
    test::layer_probe<map<shape<6>, 1>> probe(1);
    test::check_layer(probe);
  }
}

TEST_CASE("linear: file order numbers features C, H, W whatever the memory order") {
  map<shape<2, 1, 3>, 2> layer;
  arena memory(layer, 1);
  const auto& dims = layer.weight.dims;
  CHECK(dims.file_rank == 2);
  CHECK(dims.file_shape() == std::array<index_t, 4>{2, 6, 1, 1});
  // File weight (output, feature) = 10 output + feature; x holds its own feature number.
  dims.for_each_position([&](index_t at, index_t file) {
    layer.weight.value.data[at] = static_cast<double>(10 * (file / 6) + file % 6);
  });
  layer.bias_vector.value.data[1] = 1000;
  std::vector<double> x(6);
  for (index_t i = 0; i < 6; ++i) {
    x[static_cast<std::size_t>(i)] = static_cast<double>(file_index(extents_of<shape<2, 1, 3>>, i));
  }
  const auto y = layer.forward({}, batch_view<const double, shape<2, 1, 3>>{x.data(), 1});
  CHECK(y(0, 0) == 55);                   // sum f^2
  CHECK(y(0, 1) == 1000 + 10 * 15 + 55);  // sum f (10 + f)
}

TEST_CASE("linear: without dx only the weight gradients are computed") {
  map<shape<3>, 2> layer;
  arena memory(layer, 1);
  const std::vector<double> x = {1, 2, 3}, dy = {10, -1};
  layer.forward({}, batch_view<const double, shape<3>>{x.data(), 1});
  layer.backward({}, {dy.data(), 1}, {nullptr, 1});
  CHECK(std::vector<double>(layer.weight.gradient.data, layer.weight.gradient.data + 6) ==
        std::vector<double>{10, -1, 20, -2, 30, -3});
  CHECK(layer.bias_vector.gradient.data[1] == -1);
}
