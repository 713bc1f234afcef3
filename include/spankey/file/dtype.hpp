// Element types of the safetensors format: names, widths in bits, and the size of a tensor of given shape.
//
// The format stores little-endian elements; widths are in bits because two families (F4, F6) are narrower
// than a byte. The library computes with F32 and I64 files only; the others are known so that any valid file
// opens. Source: github.com/huggingface/safetensors (format description and its dtype list).
#pragma once

#include <array>
#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "spankey/core/compiled.hpp"
#include "spankey/core/shape.hpp"

namespace spankey {

// clang-format off
enum class dtype {
  boolean, f4, f6_e2m3, f6_e3m2, u8, i8, f8_e5m2, f8_e4m3, f8_e8m0,
  i16, u16, f16, bf16, i32, u32, f32, c64, f64, i64, u64,
};
// clang-format on

struct dtype_description {
  dtype type;
  std::string_view name;
  index_t bits;
};

/// Every type of the format, in the order of the enumeration.
inline constexpr std::array<dtype_description, 20> dtypes{{
    {dtype::boolean, "BOOL", 8},    {dtype::f4, "F4", 4},           {dtype::f6_e2m3, "F6_E2M3", 6},
    {dtype::f6_e3m2, "F6_E3M2", 6}, {dtype::u8, "U8", 8},           {dtype::i8, "I8", 8},
    {dtype::f8_e5m2, "F8_E5M2", 8}, {dtype::f8_e4m3, "F8_E4M3", 8}, {dtype::f8_e8m0, "F8_E8M0", 8},
    {dtype::i16, "I16", 16},        {dtype::u16, "U16", 16},        {dtype::f16, "F16", 16},
    {dtype::bf16, "BF16", 16},      {dtype::i32, "I32", 32},        {dtype::u32, "U32", 32},
    {dtype::f32, "F32", 32},        {dtype::c64, "C64", 64},        {dtype::f64, "F64", 64},
    {dtype::i64, "I64", 64},        {dtype::u64, "U64", 64},
}};

constexpr const dtype_description& describe_dtype(dtype type) {
  return dtypes[static_cast<std::size_t>(type)];
}

/// The type a file names, or nothing.
constexpr std::optional<dtype> dtype_named(std::string_view name) {
  for (const dtype_description& d : dtypes) {
    if (d.name == name) return d.type;
  }
  return std::nullopt;
}

/// Bytes of a tensor; nothing when the number overflows or is not a whole number of bytes.
constexpr std::optional<index_t> tensor_bytes(dtype type, const std::vector<index_t>& shape) {
  constexpr index_t most = std::numeric_limits<index_t>::max();
  index_t bits = describe_dtype(type).bits;
  for (const index_t extent : shape) {
    if (extent < 0 || (extent != 0 && bits > most / extent)) return std::nullopt;
    bits *= extent;
  }
  return bits % 8 == 0 ? std::optional<index_t>(bits / 8) : std::nullopt;
}

/// "(64, 3, 3, 3)"; at most eight extents are written out, a negative one as "any".
SPANKEY_INLINE std::string shape_text(const std::vector<index_t>& shape);

/// "F32 (64, 3, 3, 3)".
SPANKEY_INLINE std::string tensor_text(dtype type, const std::vector<index_t>& shape);

}  // namespace spankey

#if !defined(SPANKEY_COMPILED)
#include "spankey/file/dtype.inl"
#endif
