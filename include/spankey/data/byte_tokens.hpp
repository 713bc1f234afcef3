// Text as tokens: every byte is its own number, and a few numbers beyond 255 have a meaning of their own.
#pragma once

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

/// What a terminal shows of a token: its byte, or nothing.
inline std::string text_of(int token) {
  return token >= 0 && token < 256 ? std::string(1, static_cast<char>(token)) : std::string();
}

}  // namespace spankey
