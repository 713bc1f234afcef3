// The vectors were made by another implementation (Python's hmac, and ChaCha20 written from RFC 8439).
#include "spankey/key/portable_numbers.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <vector>

using namespace spankey;

namespace {

secret_bytes key_of(std::string_view purpose) { return derive(master_key(), {purpose}); }

}  // namespace

TEST_CASE("portable numbers: moments and tails of a Gaussian law") {
  portable_numbers numbers(key_of("gaussian"));
  constexpr int count = 400000;
  double sum = 0, squares = 0, fourth = 0, product = 0, before = 0;
  std::array<int, 4> beyond{};  // 1, 2, 3, 4
  for (int i = 0; i < count; ++i) {
    const double z = numbers.gaussian();
    sum += z, squares += z * z, fourth += z * z * z * z, product += z * before;
    before = z;
    for (std::size_t b = 0; b < beyond.size(); ++b) beyond[b] += std::abs(z) > static_cast<double>(b + 1);
  }
  // Five standard deviations of each.
  const double n = count, root = std::sqrt(n);
  CHECK(std::abs(sum / n) < 5 / root);
  CHECK(std::abs(squares / n - 1) < 5 * std::sqrt(2) / root);
  CHECK(std::abs(fourth / n - 3) < 5 * std::sqrt(96) / root);
  CHECK(std::abs(product / n) < 5 / root);
  for (std::size_t b = 0; b < beyond.size(); ++b) {
    const double p = std::erfc(static_cast<double>(b + 1) / std::sqrt(2.0));
    CHECK(std::abs(beyond[b] / n - p) < 5 * std::sqrt(p / n));
  }
}

TEST_CASE("portable numbers: uniform ones fill [-1, 1), spheres have radius 1") {
  portable_numbers numbers(key_of("uniform"));
  double least = 1, most = -1, squares = 0;
  for (int i = 0; i < 100000; ++i) {
    const double z = numbers.symmetric();
    least = std::min(least, z), most = std::max(most, z), squares += z * z;
  }
  CHECK(least >= -1);
  CHECK(least < -0.999);
  CHECK(most < 1);
  CHECK(most > 0.999);
  CHECK(std::abs(squares / 100000 - 1.0 / 3) < 5 * std::sqrt(4.0 / 45 / 100000));
  std::vector<double> z(32);
  numbers.draw(coefficient_kind::sphere, z);
  double length = 0;
  for (const double x : z) length += x * x;
  CHECK(std::abs(length - 1) < 1e-15);
}
