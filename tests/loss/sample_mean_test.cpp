#include "spankey/loss/sample_mean.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

using namespace spankey;

TEST_CASE("sample_mean: the mean of the terms, and every sample's share of the scale") {
  const std::vector<double> terms = {1, 2, 6};
  std::vector<double> shares;
  const double mean = sample_mean(3, 0.6, [&](index_t n, double each) {
    shares.push_back(each);
    return terms[static_cast<std::size_t>(n)];
  });
  CHECK(mean == 3);
  REQUIRE(shares.size() == 3);
  for (const double share : shares) CHECK(share == doctest::Approx(0.2));
}

TEST_CASE("sample_mean: no samples, no loss") {
  CHECK(sample_mean(0, 1.0, [](index_t, double) { return std::nan(""); }) == 0);
}

TEST_CASE("positive_part: NaN is not hidden") {
  CHECK(positive_part(2.5) == 2.5);
  CHECK(positive_part(0) == 0);
  CHECK(positive_part(-1) == 0);
  CHECK(positive_part(HUGE_VAL) == HUGE_VAL);
  CHECK(std::isnan(positive_part(std::nan(""))));
}
