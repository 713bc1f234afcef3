#include "spankey/layer/rotary.hpp"

#include <doctest/doctest.h>

#include "../testing/layer_probe.hpp"

using namespace spankey;

TEST_CASE("rotary: gradients of queries and keys, and of values that pass") {
  test::layer_probe<rotary<shape<11, 5, 1>, 2, 4, backend::reference, double>> probe(
      2, {.groups = 2, .training = true});
  test::check_layer(probe);
}
