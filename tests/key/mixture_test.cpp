#include "spankey/key/mixture.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <vector>

#include "error_probe.hpp"

using namespace spankey;

namespace {
using spankey_test::id_of;

const random_source source(11, stream::invalid_keys, 3);
}  // namespace

TEST_CASE("the shares of the rules are their weights'") {
  const std::vector<weighted_rule> mixture{{invalid_family::gaussian, 1},
                                           {invalid_family::zero, 0},
                                           {{invalid_family::angle, 30}, 5},
                                           {invalid_family::permuted, 2}};
  const index_t n = 40000;
  std::vector<int> count(mixture.size());
  for (index_t s = 0; s < n; ++s) ++count[rule_of_sample(mixture, source, 1000, s)];
  CHECK(count[1] == 0);
  for (std::size_t k = 0; k < mixture.size(); ++k) {
    const double share = mixture[k].weight / 8, wanted = static_cast<double>(n) * share;
    CHECK(std::abs(count[k] - wanted) <= 5 * std::sqrt(wanted * (1 - share)));
  }
}

TEST_CASE("the rule of a sample follows from source, base and sample") {
  const std::vector<weighted_rule> mixture{{invalid_family::gaussian}, {invalid_family::zero}};
  for (index_t s = 0; s < 50; ++s)
    CHECK(rule_of_sample(mixture, source, 40, s) ==
          (source.uniform(40 + static_cast<std::uint64_t>(s)) < 0.5 ? 0 : 1));
}

TEST_CASE("what is no mixture is refused") {
  const auto with = [](std::vector<weighted_rule> mixture) {
    return id_of([&] { require_mixture(mixture); });
  };
  const auto family = invalid_family::gaussian;
  CHECK(with({{family, 0.5}, {family, 0}}) == "no error");
  CHECK(with({}) == "key.121");
  CHECK(with({{family, 0}}) == "key.121");
  CHECK(with({{family, 1}, {family, -0.5}}) == "key.121");
  CHECK(with({{family, std::numeric_limits<double>::infinity()}}) == "key.121");
  CHECK(with({{family, std::numeric_limits<double>::quiet_NaN()}}) == "key.121");
}
