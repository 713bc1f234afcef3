#include "spankey/layer/gated_activation.hpp"

#include <doctest/doctest.h>

#include "../testing/layer_probe.hpp"

using namespace spankey;

TEST_CASE("gated activation: gradients of gates and of what they let through") {
  SUBCASE("silu") {
    test::layer_probe<gated_activation<shape<10, 4, 1>, activation::silu, backend::reference, double>> probe(
        2);
    test::check_layer(probe);
  }
  SUBCASE("gelu, an image") {
    test::layer_probe<gated_activation<shape<4, 2, 3>, activation::gelu, backend::reference, double>> probe(
        3);
    test::check_layer(probe);
  }
}
