// Blocks of standard normal numbers: out[i] = source.gaussian(first + i), i in [0, n), as float.
//
// Computed by the vector kernel (backend/cpu/gaussian.hpp): equal to random_source::gaussian but for a float's last bit,
// in about one of a million numbers. Overwrites out. Serial: callers cut the range into blocks, any cut gives the same
// numbers.
#pragma once

#include <cstdint>

#include "spankey/core/compiled.hpp"
#include "spankey/core/random.hpp"
#include "spankey/core/shape.hpp"

namespace spankey {

/// Writes n normal numbers with indices first, first + 1, ...; any first, n >= 0.
SPANKEY_INLINE void fill_gaussian(const random_source& source, std::uint64_t first, float* out, index_t n);

}  // namespace spankey

#if !defined(SPANKEY_COMPILED)
#include "spankey/key/gaussian.inl"
#endif
