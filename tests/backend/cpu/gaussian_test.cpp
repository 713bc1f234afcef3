// Normal numbers of every family against random_source::gaussian: within one unit in the last place of a float, for the
// extreme words too, and the same bits however a range is cut.
#include "spankey/backend/cpu/gaussian.hpp"

#include <doctest/doctest.h>

#include <array>
#include <bit>
#include <vector>

#include "agreement.hpp"

namespace {
using namespace agreement;
using spankey::random_source;
using spankey::stream;

/// Floats between a and b.
std::int64_t units_between(float a, float b) {
  const auto rank = [](float x) {
    const auto bits = static_cast<std::int64_t>(std::bit_cast<std::uint32_t>(std::abs(x)));
    return x < 0 ? -bits : bits;
  };
  return std::abs(rank(a) - rank(b));
}

struct words_source {
  random_source source;
  std::uint64_t block;
};

// The source and the block whose words begin with these two, by Philox run backwards. Blocks have 62 bits: the other two
// words are tried until the counter is one.
words_source source_with(std::uint32_t first, std::uint32_t second) {
  constexpr std::uint64_t seed = 0x0123456789ABCDEFU;
  const auto inverse = [](std::uint32_t odd) {
    std::uint32_t x = odd;
    for (int i = 0; i < 5; ++i) x *= 2 - odd * x;
    return x;
  };
  for (std::uint32_t other = 0;; ++other) {
    std::array<std::uint32_t, 4> c{first, second, other, 77};
    for (int round = 9; round >= 0; --round) {
      const auto r = static_cast<std::uint32_t>(round);
      const std::uint32_t key0 = static_cast<std::uint32_t>(seed) + r * 0x9E3779B9U,
                          key1 = static_cast<std::uint32_t>(seed >> 32) + r * 0xBB67AE85U;
      const std::uint32_t c0 = c[3] * inverse(0xD2511F53U), c2 = c[1] * inverse(0xCD9E8D57U);
      const auto a = static_cast<std::uint32_t>((std::uint64_t{0xD2511F53U} * c0) >> 32);
      const auto b = static_cast<std::uint32_t>((std::uint64_t{0xCD9E8D57U} * c2) >> 32);
      c = {c0, c[0] ^ b ^ key0, c2, c[2] ^ a ^ key1};
    }
    const std::uint64_t block = c[0] | std::uint64_t{c[1]} << 32;
    if (block >> 62 == 0) return {random_source(seed, static_cast<stream>(c[3]), c[2]), block};
  }
}
}  // namespace

TEST_CASE("gaussian: a million numbers of every family, each random_source::gaussian's or its neighbour") {
  constexpr index_t count = 1 << 20;
  const random_source source(0x123456789ABCDEFULL, stream::invalid_keys, 7);
  const std::uint64_t first = (std::uint64_t{3} << 40) + 2;
  std::vector<float> expected(count);
  for (std::size_t i = 0; i < expected.size(); ++i)
    expected[i] = static_cast<float>(source.gaussian(first + i));
  for_each_isa([&] {
    std::vector<float> found(count);
    spankey::cpu::fill_gaussian(source, first, count, found.data());
    std::int64_t worst = 0, different = 0;
    for (std::size_t i = 0; i < found.size(); ++i) {
      const std::int64_t units = units_between(found[i], expected[i]);
      worst = std::max(worst, units);
      different += units != 0 ? 1 : 0;
    }
    CHECK(worst <= 1);
    CHECK(different < 50);
  });
}

TEST_CASE(
    "gaussian: the words where the radius is extreme or changes its exponent, and every axis of the angle") {
  std::vector<std::uint32_t> radii, angles;
  for (const std::uint32_t corner : {0U, 0x40000000U, 0x5A827999U, 0x80000000U, 0xB504F333U, 0xC0000000U})
    for (const std::uint32_t step : {0U, 1U, 2U, 0xFFFFFFFFU, 0xFFFFFFFEU}) radii.push_back(corner + step);
  for (std::uint32_t eighth = 0; eighth < 8; ++eighth)
    for (const std::uint32_t step : {0U, 1U, 100U, 0xFFFFFFFFU}) angles.push_back((eighth << 29) + step);
  for (const std::uint32_t radius : radii)
    for (const std::uint32_t angle : angles) {
      const words_source at = source_with(radius, angle);
      const auto words = at.source.block(at.block);
      REQUIRE(words[0] == radius);
      REQUIRE(words[1] == angle);
      for_each_isa([&] {
        float found[2];
        spankey::cpu::fill_gaussian(at.source, 4 * at.block, 2, found);
        for (std::uint64_t i = 0; i < 2; ++i)
          CHECK(units_between(found[i], static_cast<float>(at.source.gaussian(4 * at.block + i))) <= 1);
      });
    }
}

TEST_CASE("gaussian: the same bits however a range is cut, and nothing written behind it") {
  const random_source source(5, stream::basis, 9);
  for_each_isa([&] {
    std::vector<float> whole(300);
    spankey::cpu::fill_gaussian(source, 40, 300, whole.data());
    for (index_t first = 0; first < 40; ++first)
      for (const index_t n : {0, 1, 2, 3, 4, 5, 31, 32, 33, 64, 65, 200}) {
        std::vector<float> part(static_cast<std::size_t>(n) + 1, -77.0F);
        spankey::cpu::fill_gaussian(source, 40 + static_cast<std::uint64_t>(first), n, part.data());
        CHECK(std::equal(part.begin(), part.end() - 1, whole.begin() + first));
        CHECK(part.back() == -77.0F);
      }
  });
}
