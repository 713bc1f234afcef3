// bf16: every bit pattern round-trips; rounding to nearest even against a rule in double that knows nothing of
// bits; NaN, infinities, overflow, denormals.
#include "spankey/core/bf16.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "spankey/core/random.hpp"

namespace {

using spankey::bf16;

float float_of(std::uint32_t word) { return std::bit_cast<float>(word); }
bf16 bf16_of(std::uint32_t bits) {
  bf16 v;
  v.bits = static_cast<std::uint16_t>(bits);
  return v;
}

// A magnitude of bf16 as a number; beyond the largest one, the number that would follow it.
double magnitude(std::uint32_t bits) {
  return bits == 0x7F80 ? 0x1p128 : static_cast<double>(float_of(bits << 16));
}

// The nearer of the two neighbours of a finite v, the even one where both are as near.
std::uint32_t nearest_even(float v) {
  const std::uint32_t below = std::bit_cast<std::uint32_t>(std::abs(v)) >> 16;
  const double size = std::abs(static_cast<double>(v));
  const double down = size - magnitude(below), up = magnitude(below + 1) - size;
  const bool takes_upper = up < down || (up == down && below % 2 == 1);
  return below + (takes_upper ? 1U : 0U) + (std::signbit(v) ? 0x8000U : 0U);
}

// Wrong roundings among these; no assertion each, for they are many.
template <class F>
int count_wrong(int count, F&& word) {
  int wrong = 0;
  for (int i = 0; i < count; ++i) {
    const float v = float_of(word(static_cast<std::uint32_t>(i)));
    if (std::isfinite(v) && bf16(v).bits != nearest_even(v)) ++wrong;
  }
  return wrong;
}

}  // namespace

TEST_CASE("bf16: every bit pattern survives float and back, but for the quiet bit of a NaN") {
  int numbers = 0, infinities = 0, nans = 0;
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float wide = bf16_of(bits);
    const std::uint16_t back = bf16(wide).bits;
    if (std::isnan(wide)) {
      ++nans;
      REQUIRE(back == (bits | 0x40U));
    } else {
      ++(std::isinf(wide) ? infinities : numbers);
      REQUIRE(back == bits);
    }
  }
  CHECK(infinities == 2);
  CHECK(nans == 2 * 0x7F);
  CHECK(numbers == 0x10000 - 2 - 2 * 0x7F);
}

TEST_CASE("bf16: rounds to nearest, ties to even") {
  // Each number, just above it, just below, on and just above the middle to the next, and just below the next.
  for (const std::uint32_t lower : {0x0000U, 0x0001U, 0x7FFFU, 0x8000U, 0x8001U, 0xFFFFU}) {
    CAPTURE(lower);
    CHECK(count_wrong(0x10000, [&](std::uint32_t upper) { return upper << 16 | lower; }) == 0);
  }
  const spankey::random_source random(1, spankey::stream::weights);
  CHECK(count_wrong(1 << 20, [&](std::uint32_t i) { return random.block(i)[0]; }) == 0);

  CHECK(static_cast<float>(bf16(1.0F + 0x1p-8F)) == 1.0F);
  CHECK(static_cast<float>(bf16(1.0F + 0x3p-8F)) == 1.0F + 0x1p-6F);
  CHECK(static_cast<float>(bf16(-1.0F - 0x1p-8F - 0x1p-20F)) == -1.0F - 0x1p-7F);
}

TEST_CASE("bf16: a NaN stays a NaN with its sign, also where rounding would carry it away") {
  for (const std::uint32_t word :
       {0x7F800001U, 0x7F80FFFFU, 0x7FC00000U, 0x7FFFFFFFU, 0xFF800001U, 0xFFC00000U, 0xFFFFFFFFU}) {
    CAPTURE(word);
    const bf16 v(float_of(word));
    CHECK(std::isnan(static_cast<float>(v)));
    CHECK((v.bits >> 15) == (word >> 31));
  }
  CHECK(std::isnan(static_cast<float>(bf16(std::numeric_limits<double>::quiet_NaN()))));
}

TEST_CASE("bf16: infinities, and what rounds past the largest number") {
  const float infinity = std::numeric_limits<float>::infinity(), largest = float_of(0x7F7F0000);
  CHECK(bf16(infinity).bits == 0x7F80);
  CHECK(bf16(-infinity).bits == 0xFF80);
  CHECK(bf16(largest).bits == 0x7F7F);
  CHECK(bf16(float_of(0x7F7F7FFF)).bits == 0x7F7F);  // below the middle
  CHECK(bf16(float_of(0x7F7F8000)).bits == 0x7F80);  // on it: to even, which is infinity
  CHECK(bf16(std::numeric_limits<float>::max()).bits == 0x7F80);
  CHECK(bf16(-std::numeric_limits<float>::max()).bits == 0xFF80);
}

TEST_CASE("bf16: zeros and denormals") {
  CHECK(bf16().bits == 0);
  CHECK(bf16(0.0F).bits == 0);
  CHECK(bf16(-0.0F).bits == 0x8000);
  CHECK(static_cast<float>(bf16_of(1)) == 0x1p-133F);
  CHECK(bf16(0x1p-133F).bits == 1);
  CHECK(bf16(0x1p-134F).bits == 0);  // a tie, to even
  CHECK(bf16(0x1p-134F + 0x1p-149F).bits == 1);
  CHECK(bf16(0x3p-134F).bits == 2);                 // a tie, to even
  CHECK(bf16(-0x1p-149F).bits == 0x8000);           // keeps its sign
  CHECK(bf16(0x1p-126F - 0x1p-149F).bits == 0x80);  // the largest denormal float: up to the smallest normal
}

TEST_CASE("bf16: computes while compiling; from double through float; beside parameters in float") {
  static_assert(bf16(1.5F).bits == 0x3FC0);
  static_assert(static_cast<float>(bf16(-2.0)) == -2.0F);
  static_assert(std::is_same_v<spankey::master_t<bf16>, float>);
  static_assert(std::is_same_v<spankey::master_t<float>, float>);
  static_assert(std::is_same_v<spankey::master_t<double>, double>);
  CHECK(bf16(3.14159265358979).bits == bf16(3.14159274F).bits);
}
