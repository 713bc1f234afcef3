// The numbers of a GGUF tensor as floats. Elements lie row by row, the innermost dimension last; of blocks, which never cross a
// row, all 32 have a scale d (float16) and whole numbers q:
//   F32, F16, BF16    as they are
//   Q8_0              d | 32 int8 q                                  w = d q
//   Q4_0              d | 16 bytes: low halves the first 16 q, high halves the others      w = d (q - 8)
//   Q4_1              d | m (float16) | the same                     w = d q + m
// Source: github.com/ggml-org/ggml, src/ggml-common.h.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <bit>
#include <cstdint>
#include <cstring>
#include <vector>

#include "spankey/file/gguf.hpp"
#include "spankey/file/to_float32.hpp"

namespace spankey {

/// All elements of a tensor of an open file.
inline std::vector<float> to_float32(const gguf_tensor& tensor) {
  const gguf_block block = gguf_block_of(tensor.type);
  std::vector<float> values(static_cast<std::size_t>(tensor.count()));
  const std::byte* from = tensor.bytes.data();
  const auto half = [&](index_t at) {
    std::uint16_t stored;
    std::memcpy(&stored, from + at, sizeof stored);
    return stored;
  };
  for (std::size_t i = 0; i < values.size();
       i += static_cast<std::size_t>(block.elements), from += block.bytes) {
    float* const to = values.data() + i;
    switch (tensor.type) {
      case gguf_type::f32:
        std::memcpy(to, from, sizeof *to);
        break;
      case gguf_type::f16:
        *to = float_of_f16(half(0));
        break;
      case gguf_type::bf16:
        *to = std::bit_cast<float>(std::uint32_t{half(0)} << 16);
        break;
      case gguf_type::q8_0: {
        const float d = float_of_f16(half(0));
        for (index_t j = 0; j < 32; ++j)
          to[j] = d * static_cast<float>(static_cast<std::int8_t>(from[2 + j]));
        break;
      }
      case gguf_type::q4_0:
      case gguf_type::q4_1: {
        const bool shifted = tensor.type == gguf_type::q4_1;
        const float d = float_of_f16(half(0)), m = shifted ? float_of_f16(half(2)) : -8 * d;
        for (index_t j = 0; j < 16; ++j) {
          const auto both = static_cast<unsigned>(from[(shifted ? 4 : 2) + j]);
          to[j] = d * static_cast<float>(both & 15U) + m;
          to[j + 16] = d * static_cast<float>(both >> 4) + m;
        }
        break;
      }
    }
  }
  return values;
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
