// Floating-point tensors of other widths as float: F64 rounded, F16 and BF16 widened, F32 as it is.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "spankey/core/finite.hpp"
#include "spankey/file/printable.hpp"
#include "spankey/file/safetensors.hpp"

namespace spankey {

/// IEEE 754 binary16: sign, 5 bits of exponent, 10 of mantissa; exact.
inline float float_of_f16(std::uint16_t half) {
  const std::uint32_t sign = (half & 0x8000U) << 16, exponent = half >> 10 & 31U, mantissa = half & 0x3FFU;
  if (exponent == 0) {  // zero and subnormal: mantissa * 2^-24
    const float size = std::ldexp(static_cast<float>(mantissa), -24);
    return std::bit_cast<float>(std::bit_cast<std::uint32_t>(size) | sign);
  }
  const std::uint32_t wide = exponent == 31 ? 255 : exponent + 112;
  return std::bit_cast<float>(sign | wide << 23 | mantissa << 13);
}

/// What to_float32 reads.
constexpr bool is_float(dtype type) {
  return type == dtype::f64 || type == dtype::f32 || type == dtype::f16 || type == dtype::bf16;
}

/// The elements of a tensor, whose type is_float. Fails with weights.111 where a finite F64 is too large for a float;
/// `name` names the tensor, `where` its file.
inline std::vector<float> to_float32(const stored_tensor& tensor, std::string_view name,
                                     std::string_view where) {
  std::vector<float> values(static_cast<std::size_t>(tensor.count()));
  const auto element = [&]<class T>(std::size_t i, T stored) {
    std::memcpy(&stored, tensor.bytes.data() + i * sizeof stored, sizeof stored);
    return stored;
  };
  if (tensor.type == dtype::f32) copy_elements(tensor, std::span<float>(values));
  for (std::size_t i = 0; i < values.size() && tensor.type != dtype::f32; ++i) {
    if (tensor.type == dtype::f64) {
      const double stored = element(i, double{});
      // Halfway from the largest float to the next that there would be: what rounds to infinity.
      constexpr double beyond = 0x1.ffffffp127;
      if (is_finite(stored) && (stored >= beyond || stored <= -beyond)) {
        char number[32];
        std::snprintf(number, sizeof number, "%g", stored);
        fail("weights.111", where, "tensor ", in_quotes(name), ": found ", std::string_view(number),
             ", expected numbers that F32 can hold");
      }
      values[i] = static_cast<float>(stored);
    } else {
      const auto stored = element(i, std::uint16_t{});
      values[i] = tensor.type == dtype::f16 ? float_of_f16(stored)
                                            : std::bit_cast<float>(std::uint32_t{stored} << 16);
    }
  }
  return values;
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
