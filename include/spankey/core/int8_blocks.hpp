// Weights of a matrix as whole numbers with a scale for each 32 of a row (GGUF's Q8_0, with scales of the range of float):
//   w(o, i) = s(o, i / 32) q(o, i)      s(o, k) = max |w(o, i)| / 127 over block k, as bf16      q rounded to nearest
// Rows (R, B, 32) of B = ceil(I / 32) blocks, zeros behind a row's last number; scales (R, B): 8.5 bits a weight. A type of
// weights beside float, bf16 and int8, for networks of tokens (infer/image.hpp): vectors, such as norms' scales, stay floats.
#pragma once

#include <cstdint>

#include "spankey/core/bf16.hpp"
#include "spankey/core/shape.hpp"

namespace spankey {

/// One of the whole numbers; what it stands for is said by its block's scale.
enum class int8_blocks : std::int8_t {};

inline constexpr index_t numbers_of_block = 32;

/// Blocks of a row of `count` numbers.
constexpr index_t blocks_of(index_t count) { return (count + numbers_of_block - 1) / numbers_of_block; }

}  // namespace spankey
