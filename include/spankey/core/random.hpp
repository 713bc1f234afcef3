// Counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011).
//
// A number is a pure function of (seed, stream, step, index): no state to save, the same for any number of
// threads and in any order. Streams keep unrelated uses of one seed apart.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>

#include "spankey/core/host_device.hpp"

namespace spankey {

/// One Philox4x32-10 block: 128-bit counter, 64-bit key -> 128 random bits.
constexpr std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter,
                                              std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53} * counter[0];
    const std::uint64_t b = std::uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<std::uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(b),
               static_cast<std::uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(a)};
    key = {key[0] + 0x9E3779B9U, key[1] + 0xBB67AE85U};
  }
  return counter;
}

/// What the numbers are for. The values are part of what a seed means: never renumber them.
enum class stream : std::uint32_t {
  weights = 1,
  shuffle = 2,
  augment = 3,
  basis = 4,
  coefficients = 5,
  invalid_keys = 6,
  glyphs = 7,
  evaluation = 8,
  linear_task = 9,
  issued_keys = 10,
  split = 11,
  dropout = 12,
  windows = 13,
  grammar = 14,
  generation = 15,
  attack = 16,
  syndrome = 17,
  role_tasks = 18,
  diagnosis = 19,
  bootstrap = 20,
  key_search = 21,
  forgery = 22,
  key_reading = 23,
  release = 24,
};

/// All random numbers of one (seed, stream, step); `index` picks one. step < 2^32.
class random_source {
 public:
  constexpr random_source(std::uint64_t seed, stream use, std::uint64_t step = 0)
      : key_{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)},
        use_(static_cast<std::uint32_t>(use)),
        step_(static_cast<std::uint32_t>(step)) {}

  /// Four independent 32-bit words.
  [[nodiscard]] constexpr std::array<std::uint32_t, 4> block(std::uint64_t index) const {
    return philox({static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(index >> 32), step_, use_},
                  key_);
  }
  [[nodiscard]] constexpr std::uint32_t bits(std::uint64_t index) const {
    return block(index >> 2)[index & 3];
  }
  /// Uniform in [0, 1), 24 bits: exact in float and double.
  [[nodiscard]] constexpr double uniform(std::uint64_t index) const {
    return static_cast<double>(bits(index) >> 8) * 0x1p-24;
  }
  /// Uniform integer in [0, n), n < 2^32; bias below 2^-32 * n.
  [[nodiscard]] constexpr std::uint32_t below(std::uint64_t index, std::uint32_t n) const {
    return static_cast<std::uint32_t>((std::uint64_t{bits(index)} * n) >> 32);
  }
  /// Standard normal (Box-Muller); consecutive indices 2i, 2i+1 share one pair of words: the cosine, then the sine, of
  /// a random angle times a random radius. Quarter turns are taken off the angle's bits, so that no rounding of pi is
  /// left of them: numbers near 0 are as exact as others.
  SPANKEY_HOST_DEVICE [[nodiscard]] double gaussian(std::uint64_t index) const {
    const auto words = block(index >> 2);
    const std::size_t pair = index & 2;
    const double u = (static_cast<double>(words[pair]) + 0.5) * 0x1p-32;
    const double radius = std::sqrt(-2.0 * std::log(u));
    const std::uint32_t turned = words[pair + 1] + 0x20000000U;  // an eighth of a turn
    const double angle =
        (static_cast<double>(turned & 0x3FFFFFFFU) - 0x1p29) * (2.0 * std::numbers::pi * 0x1p-32);
    const std::uint32_t quarters =
        (turned >> 30) + ((index & 1) != 0 ? 0U : 1U);  // a cosine is a sine, turned
    const double wave = (quarters & 1) != 0 ? std::cos(angle) : std::sin(angle);
    return (quarters & 2) != 0 ? -radius * wave : radius * wave;
  }

  /// What all blocks have in common: the key, and the counter words after the index.
  [[nodiscard]] constexpr std::array<std::uint32_t, 2> key() const { return key_; }
  [[nodiscard]] constexpr std::array<std::uint32_t, 2> counter_tail() const { return {step_, use_}; }

 private:
  std::array<std::uint32_t, 2> key_;
  std::uint32_t use_, step_;
};

}  // namespace spankey
