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

TEST_CASE("sample_mean: rows that do not count, and many rows, which are summed in blocks") {
  const std::vector<int> labels{0, -1, 2, -1};
  std::vector<double> shares(4, 0.0);
  const auto term = [&](index_t n, double each) {
    shares[static_cast<std::size_t>(n)] = each;
    return static_cast<double>(n + 1);
  };
  CHECK(sample_mean(4, 0.5, term, labels.data()) == 2);
  CHECK(shares == std::vector<double>{0.25, 0, 0.25, 0});
  CHECK(sample_mean(2, 1.0, term, std::vector<int>{-1, -1}.data()) == 0);
  for (const index_t rows : {255, 256, 600, 100'000}) {
    std::vector<double> seen(static_cast<std::size_t>(rows), 0.0);
    const double mean = sample_mean(rows, 1.0, [&](index_t n, double) {
      seen[static_cast<std::size_t>(n)] += 1;
      return static_cast<double>(n);
    });
    CHECK(mean == doctest::Approx(static_cast<double>(rows - 1) / 2));
    CHECK(seen == std::vector<double>(static_cast<std::size_t>(rows), 1.0));
  }
}
