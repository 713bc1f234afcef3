// Numbers of a derived key with the same bits on every platform: no logarithm, sine or fused multiplication has a say.
//
//   uniform    k 2^-53, k of 53 bits: exact
//   gaussian   N(0, 1) by comparing uniform numbers as whole numbers (C. Karney, "Sampling exactly from the normal
//              distribution", ACM TOMS 42, 2016, algorithm N): to 53 bits behind the point, rounded once
//   sphere     Gaussian numbers over their root of squares; roots and divisions are exact to the last bit by IEEE 754
// Products whose rounding counts go through `rounded`: a compiler may not fuse them with the sum behind them.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <cmath>
#include <cstdint>
#include <span>
#include <utility>

#include "spankey/core/shape.hpp"
#include "spankey/key/coefficients.hpp"
#include "spankey/key/derivation.hpp"

namespace spankey {

/// x as a double in memory.
inline double rounded(double x) {
  const volatile double kept = x;
  return kept;
}

class portable_numbers {
 public:
  explicit portable_numbers(secret_bytes key) : words_(std::move(key)) {}

  /// 0 to 2^53 - 1, each as likely: the upper bits of two words, the first one above.
  std::uint64_t bits53() {
    const std::uint64_t high = words_.word();
    return (high << 32 | words_.word()) >> 11;
  }
  /// In [-1, 1), of 2^53 values.
  double symmetric() {
    return static_cast<double>(static_cast<std::int64_t>(bits53()) - (std::int64_t{1} << 52)) * 0x1p-52;
  }
  double gaussian() {
    for (;;) {
      std::uint64_t k = 0;
      while (happens_once_in_root_e()) ++k;
      if (!happens_times(k * (k - 1))) continue;
      const std::uint64_t x = bits53();
      bool kept = true;
      for (std::uint64_t i = 0; i <= k && kept; ++i) kept = stays(k, x);
      if (!kept) continue;
      const double size = static_cast<double>(k << 53 | x) * 0x1p-53;
      return (words_.word() & 1U) != 0 ? -size : size;
    }
  }

  /// The standardised coefficients z of a law (key/coefficients.hpp): alpha = offset + spread z.
  void draw(coefficient_kind kind, std::span<double> z) {
    for (double& value : z) value = kind == coefficient_kind::unit_cube ? symmetric() : gaussian();
    if (kind != coefficient_kind::sphere) return;
    double squares = 0;
    for (const double value : z) squares += rounded(value * value);
    const double length = std::sqrt(squares);
    for (double& value : z) value /= length;
  }

 private:
  // How often uniform numbers fall before one is not below the one before it; an even count happens with probability
  // exp(-first), where every fall is also kept with probability `keep`.
  template <class Keep>
  bool falls_evenly(std::uint64_t first, const Keep& keep) {
    bool even = true;
    for (std::uint64_t before = first;; even = !even) {
      const std::uint64_t next = bits53();
      if (next >= before || !keep()) return even;
      before = next;
    }
  }
  // With probability exp(-1/2).
  bool happens_once_in_root_e() {
    return falls_evenly(std::uint64_t{1} << 52, [] { return true; });
  }
  bool happens_times(std::uint64_t times) {
    for (std::uint64_t i = 0; i < times; ++i)
      if (!happens_once_in_root_e()) return false;
    return true;
  }
  // With probability exp(-x (2k + x) / (2k + 2)), x of 53 bits.
  bool stays(std::uint64_t k, std::uint64_t x) {
    return falls_evenly(x, [&] { return bits53() * (2 * k + 2) < ((2 * k) << 53) + x; });
  }

  key_stream words_;
};

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
