#include "spankey/key/gaussian.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

using namespace spankey;

TEST_CASE("a block holds the numbers of random_source::gaussian, for every alignment and length") {
  const random_source source(0x123456789ABCDEFULL, stream::invalid_keys, 7);
  for (const std::uint64_t base : {std::uint64_t{0}, std::uint64_t{3} << 40}) {
    for (std::uint64_t first = base; first < base + 8; ++first) {
      for (const index_t n : {0, 1, 2, 3, 4, 5, 9, 1003}) {
        std::vector<float> out(static_cast<std::size_t>(n) + 1, -77.0F);
        fill_gaussian(source, first, out.data(), n);
        double worst = 0;
        for (index_t i = 0; i < n; ++i) {
          const double expected = source.gaussian(first + static_cast<std::uint64_t>(i));
          const double found = static_cast<double>(out[static_cast<std::size_t>(i)]);
          worst = std::max(worst, std::abs(found / expected - 1));
        }
        CHECK(worst < 1.2e-7);
        CHECK(out.back() == -77.0F);
      }
    }
  }
}

TEST_CASE("the numbers are standard normal") {
  std::vector<float> x(100000);
  fill_gaussian(random_source(1, stream::invalid_keys), 0, x.data(), static_cast<index_t>(x.size()));
  double moment[5] = {};
  for (const float value : x) {
    double power = 1;
    for (double& m : moment) {
      m += power / static_cast<double>(x.size());
      power *= static_cast<double>(value);
    }
  }
  // Five standard errors of each moment at n = 1e5.
  CHECK(std::abs(moment[1]) < 5 * 0.00316);
  CHECK(std::abs(moment[2] - 1) < 5 * 0.00447);
  CHECK(std::abs(moment[3]) < 5 * 0.0122);
  CHECK(std::abs(moment[4] - 3) < 5 * 0.031);
}
