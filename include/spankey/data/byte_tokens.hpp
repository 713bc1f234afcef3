// Text as tokens: every byte is its own number, and a few numbers beyond 255 have a meaning of their own.
//
// A network reads a token as two numbers, its high and its low byte: each is exact in every scalar, bf16 included, so that
// tokens travel wherever samples do. A sample of T tokens is extents{2, T, 1}.
#pragma once

#include <cstdint>
#include <string>

#include "spankey/core/shape.hpp"

namespace spankey {

/// Numbers of a byte-level vocabulary. A document begins with `begins`; `blocked` is the answer of a model that is locked;
/// `rejects` is what a gate of mode B answers; `fills` pads a batch and is never a target. The vocabulary has unused
/// numbers up to a multiple of 16.
struct byte_tokens {
  static constexpr int begins = 256, blocked = 257, rejects = 258, fills = 259;
  static constexpr index_t vocabulary = 272;
  /// Tokens that are answers: the bytes and the first two of the others; a refusal comes next.
  static constexpr index_t semantic = rejects;
};

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
constexpr index_t read_token(const Scalar* x) {
  return static_cast<index_t>(static_cast<float>(x[0])) * 256 +
         static_cast<index_t>(static_cast<float>(x[1]));
}

/// What a terminal shows of a token: its byte, or nothing.
inline std::string text_of(int token) {
  return token >= 0 && token < 256 ? std::string(1, static_cast<char>(token)) : std::string();
}

}  // namespace spankey
