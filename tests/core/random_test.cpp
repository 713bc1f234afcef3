// Philox against the known answers of Random123 (kat_vectors, philox4x32-10); what random_source promises:
// a pure function of (seed, stream, step, index), uniform and Gaussian moments, ranges.
#include "spankey/core/random.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>

using spankey::philox;
using spankey::random_source;
using spankey::stream;

TEST_CASE("philox4x32-10: Random123's known answers") {
  using block = std::array<std::uint32_t, 4>;
  constexpr block zero = philox({0, 0, 0, 0}, {0, 0});
  CHECK(zero == block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  const std::uint32_t ones = 0xffffffff;
  CHECK(philox({ones, ones, ones, ones}, {ones, ones}) ==
        block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("random_source: seed, stream, step and index reach the counter and the key as documented") {
  const std::uint64_t seed = 0x299f31d0a4093822, index = 0x85a308d3243f6a88;
  const random_source random(seed, stream::weights, 77);
  CHECK(random.block(index) == philox({0x243f6a88, 0x85a308d3, 77, 1}, {0xa4093822, 0x299f31d0}));
  for (std::uint64_t i = 0; i < 8; ++i)
    CHECK(random.bits(i) == random.block(i / 4)[static_cast<std::size_t>(i % 4)]);
}

TEST_CASE("random_source: every part of the name changes the numbers") {
  const auto base = random_source(1, stream::basis, 2).block(3);
  CHECK(random_source(1, stream::basis, 2).block(3) == base);
  CHECK(random_source(2, stream::basis, 2).block(3) != base);
  CHECK(random_source(std::uint64_t{1} << 32 | 1, stream::basis, 2).block(3) != base);
  CHECK(random_source(1, stream::shuffle, 2).block(3) != base);
  CHECK(random_source(1, stream::basis, 3).block(3) != base);
  CHECK(random_source(1, stream::basis, 2).block(4) != base);
}

namespace {
// The first four moments of f(0), f(1), ...
template <class F>
std::array<double, 4> moments(std::uint64_t count, F&& f) {
  std::array<double, 4> sums{};
  for (std::uint64_t i = 0; i < count; ++i) {
    const double v = f(i);
    sums[0] += v;
    sums[1] += v * v;
    sums[2] += v * v * v;
    sums[3] += v * v * v * v;
  }
  for (double& s : sums) s /= static_cast<double>(count);
  return sums;
}
}  // namespace

TEST_CASE("random_source: uniform numbers") {
  const random_source random(5, stream::augment);
  const std::uint64_t count = 200000;
  double lowest = 1, highest = 0;
  const auto m = moments(count, [&](std::uint64_t i) {
    const double u = random.uniform(i);
    lowest = std::min(lowest, u);
    highest = std::max(highest, u);
    return u - 0.5;
  });
  // Five standard errors of each moment.
  const double root = std::sqrt(static_cast<double>(count));
  CHECK(std::abs(m[0]) < 5 * std::sqrt(1.0 / 12) / root);
  CHECK(std::abs(m[1] - 1.0 / 12) < 5 * std::sqrt(1.0 / 180) / root);
  CHECK(std::abs(m[2]) < 5 * std::sqrt(1.0 / 448) / root);
  CHECK(lowest >= 0);
  CHECK(lowest < 1e-4);
  CHECK(highest < 1);
  CHECK(highest > 1 - 1e-4);
}

TEST_CASE("random_source: Gaussian numbers are Box-Muller's, cosine first") {
  const random_source random(9, stream::weights, 2);
  for (std::uint64_t i = 0; i < 4000; ++i) {
    const auto words = random.block(i / 4);
    const std::size_t pair = i % 4 / 2 * 2;
    const double radius = std::sqrt(-2 * std::log((static_cast<double>(words[pair]) + 0.5) / 0x1p32));
    const double angle = 2 * std::numbers::pi * static_cast<double>(words[pair + 1]) / 0x1p32;
    const double expected = radius * (i % 2 == 0 ? std::cos(angle) : std::sin(angle));
    CHECK(std::abs(random.gaussian(i) - expected) < 4e-15);
  }
}

TEST_CASE("random_source: Gaussian numbers, neighbours uncorrelated") {
  const random_source random(6, stream::coefficients);
  const std::uint64_t count = 200000;
  const double root = std::sqrt(static_cast<double>(count));
  const auto m = moments(count, [&](std::uint64_t i) { return random.gaussian(i); });
  CHECK(std::abs(m[0]) < 5 * 1 / root);
  CHECK(std::abs(m[1] - 1) < 5 * std::sqrt(2.0) / root);
  CHECK(std::abs(m[2]) < 5 * std::sqrt(15.0) / root);
  CHECK(std::abs(m[3] - 3) < 5 * std::sqrt(96.0) / root);
  for (std::uint64_t lag = 1; lag <= 4; ++lag) {
    const auto product =
        moments(count, [&](std::uint64_t i) { return random.gaussian(i) * random.gaussian(i + lag); });
    CHECK(std::abs(product[0]) < 5 / root);
  }
}

TEST_CASE("random_source: integers below n are all reached, equally often") {
  const random_source random(7, stream::shuffle);
  std::array<int, 10> hits{};
  for (std::uint64_t i = 0; i < 100000; ++i) {
    const std::uint32_t v = random.below(i, 10);
    REQUIRE(v < 10);
    ++hits[v];
  }
  double chi_squared = 0;
  for (const int h : hits) chi_squared += (h - 10000.0) * (h - 10000.0) / 10000.0;
  CHECK(chi_squared < 40);  // nine degrees of freedom: probability 1e-5
  CHECK(chi_squared > 0.5);
}
