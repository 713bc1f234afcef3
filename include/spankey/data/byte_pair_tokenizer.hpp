// Byte-pair encoding (Sennrich, Haddow and Birch 2016; of bytes as GPT-2 has it): a text's pieces (data/pieces_of_text.hpp) begin
// as bytes, and of two neighbours that the list of merges has, those that stand first in it become one token, until none is left.
// Vocabulary and merges are a language model's own, from its GGUF:
//   tokenizer.ggml.model "gpt2" | .pre "smollm" (numbers apart) or "gpt-2" | .tokens, in which a byte is a letter (below)
//   .merges, "LEFT RIGHT" | .token_type, 3: a control token, no text has it | .bos_token_id | .eos_token_id
// A text comes back from its tokens byte for byte, be it UTF-8 or not, but for bytes that have no token, which are left out as
// llama.cpp leaves them out (SmolLM2's vocabulary lacks some control characters). Costs n log n for a piece of n bytes.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "spankey/core/compiled.hpp"
#include "spankey/core/shape.hpp"
#include "spankey/file/gguf.hpp"

namespace spankey {

/// What a control token's name in a text is: that token ("<|im_end|>"), or letters as any other.
enum class control_names { tokens, text };

class byte_pair_tokenizer {
 public:
  /// Of an open file, which may go afterwards. Errors: gguf.111, tokenizer.101 another kind, tokenizer.102 tokens that are
  /// there twice, missing or no letters of bytes, tokenizer.103 merges of tokens that are none, tokenizer.104 a number that is no
  /// token's.
  SPANKEY_INLINE explicit byte_pair_tokenizer(const gguf_file& file);

  [[nodiscard]] SPANKEY_INLINE std::vector<int> encode(std::string_view text,
                                                       control_names names = control_names::tokens) const;
  /// The bytes of a token; none of a control token, and of a number that is no token's.
  [[nodiscard]] std::string_view bytes_of(index_t token) const {
    return token >= 0 && token < size() ? std::string_view(bytes_[static_cast<std::size_t>(token)])
                                        : std::string_view();
  }
  [[nodiscard]] index_t size() const { return static_cast<index_t>(bytes_.size()); }
  /// What a document begins and ends with.
  [[nodiscard]] int begins() const { return begins_; }
  [[nodiscard]] int ends() const { return ends_; }

 private:
  struct merge {
    std::uint32_t rank;
    int token;
  };
  static std::uint64_t pair_of(int left, int right) {
    return std::uint64_t{static_cast<std::uint32_t>(left)} << 32 | static_cast<std::uint32_t>(right);
  }
  SPANKEY_INLINE void read_tokens(const gguf_file& file);
  SPANKEY_INLINE void read_merges(const gguf_file& file);
  SPANKEY_INLINE void encode_piece(std::string_view piece, std::vector<int>& to) const;

  std::vector<std::string> bytes_;  // by token
  std::array<int, 256> of_byte_{};
  std::unordered_map<std::uint64_t, merge> merges_;
  std::vector<std::pair<std::string, int>> controls_;  // names, the longest first
  bool numbers_apart_ = false;
  int begins_ = 0, ends_ = 0;
};

}  // namespace spankey

#if !defined(SPANKEY_COMPILED)
#include "spankey/data/byte_pair_tokenizer.inl"
#endif

#include "spankey/core/macros_on.hpp"
