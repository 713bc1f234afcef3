// Standard normal numbers, CPU: out[i] = random_source::gaussian(first + i) in float, whole vectors of Philox blocks at
// a time.
//
// All in lanes of 64 bits: ten rounds of 32 x 32-bit products; the radius sqrt(-2 log u) from u's exponent and the series
// of atanh((m - 1) / (m + 1)), m in [sqrt(1/2), sqrt(2)); sine and cosine by their Taylor series, at most an eighth of a
// turn after quarter turns were taken off the angle's integer bits, which is exact. The series are cut where they change
// a value by less than 5e-14 of itself, a millionth of a float's last bit: a number is that of random_source::gaussian or
// its neighbour. Families differ in fused multiply-adds, so by as little; one family gives the same bits wherever a range
// is cut. Overwrites out. Specification: core/random.hpp.
#pragma once

#include <array>
#include <cstdint>
#include <numbers>

#include "spankey/backend/cpu/philox.hpp"
#include "spankey/backend/cpu/root.hpp"
#include "spankey/core/random.hpp"
#include "spankey/core/shape.hpp"

#define SPANKEY_ISA_TEXT "spankey/backend/cpu/gaussian.inl"
#include "spankey/backend/cpu/foreach_isa.hpp"

namespace spankey::cpu {

/// n numbers with the indices first, first + 1, ...; any first, n >= 0. Serial: callers cut the range.
inline void fill_gaussian(const random_source& source, std::uint64_t first, index_t n, float* out) {
  SPANKEY_DISPATCH(gaussian_numbers)(source, first, n, out);
}

}  // namespace spankey::cpu
