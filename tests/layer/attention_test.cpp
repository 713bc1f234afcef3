#include "spankey/layer/attention.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "../testing/layer_probe.hpp"

using namespace spankey;

TEST_CASE("attention: gradients of queries, keys and values") {
  SUBCASE("three heads, every token sees every other") {
    test::layer_probe<attention<shape<18, 5, 1>, 3, backend::reference, double>> probe(2);
    test::check_layer(probe);
  }
  SUBCASE("one head, causal, groups") {
    test::layer_probe<attention<shape<12, 4, 1>, 1, backend::reference, double, true>> probe(
        3, {.groups = 3, .training = true});
    test::check_layer(probe);
  }
  SUBCASE("six heads of queries, two of keys and values") {
    test::layer_probe<attention<shape<20, 5, 1>, 6, backend::reference, double, true, 2>> probe(2);
    test::check_layer(probe);
  }
  SUBCASE("one token") {
    // y is the token's own value, so that queries and keys have no gradient, and values have dy.
    test::layer_probe<attention<shape<6, 1, 1>, 2, backend::reference, double>> probe(2);
    test::check_layer(probe);
  }
}

TEST_CASE("attention: keeps a number a row, and no probabilities") {
  attention<shape<6, 50, 1>, 2, backend::reference, double> layer;
  index_t kept = 0;
  const auto count = [&](const scope&, const auto&, index_t numbers, lifetime life) {
    if (life == lifetime::step) kept += numbers;
  };
  layer.for_each_buffer(count, scope{nullptr, "attn"}, 3);
  CHECK(kept == 3 * 2 * 50);
}

TEST_CASE("attention: a token that sees only those before it does not depend on those behind") {
  attention<shape<6, 4, 1>, 1, backend::reference, double, true> layer;
  const arena memory(layer, 1);
  auto x = test::numbers(24, 1);
  const auto before = layer.forward({}, {x.data(), 1});
  const std::vector<double> y(before.data(), before.data() + 4);  // two tokens
  for (std::size_t i = 12; i < 24; ++i) x[i] = 7;
  const auto after = layer.forward({}, {x.data(), 1});
  CHECK(std::vector<double>(after.data(), after.data() + 4) == y);
}
