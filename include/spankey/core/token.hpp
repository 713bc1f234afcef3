// A token of a text, as networks read it: two numbers, its high and its low byte, each of which is exact in every scalar,
// bf16 included. So tokens travel wherever samples do. A sample of T tokens is extents{2, T, 1}.
#pragma once

#include "spankey/core/host_device.hpp"
#include "spankey/core/shape.hpp"

namespace spankey {

/// Most numbers of any vocabulary: two bytes' worth.
inline constexpr index_t most_tokens = 65536;

/// Sample of T tokens.
constexpr extents token_sample(index_t length) { return {2, length, 1}; }

/// x (2) of one token.
template <class Scalar>
constexpr void write_token(int token, Scalar* x) {
  x[0] = static_cast<Scalar>(static_cast<float>(token / 256));
  x[1] = static_cast<Scalar>(static_cast<float>(token % 256));
}
/// The token that x (2) holds.
template <class Scalar>
SPANKEY_HOST_DEVICE constexpr index_t read_token(const Scalar* x) {
  return static_cast<index_t>(static_cast<float>(x[0])) * 256 +
         static_cast<index_t>(static_cast<float>(x[1]));
}

}  // namespace spankey
