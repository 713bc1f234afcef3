// The tokens of a run of text: bytes, or those of a tokenizer that lies in the run's folder as it came.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "run_folder.hpp"
#include "run_options.hpp"
#include "spankey/core/shape.hpp"
#include "spankey/data/byte_pair_tokenizer.hpp"

/// A GGUF without tensors.
inline constexpr const char* tokenizer_file_name = "tokenizer.gguf";

class run_tokens {
 public:
  /// Fails with gguf.1xx, tokenizer.1xx, and with config.112 where the tokenizer has other tokens than the run.
  run_tokens(const run_options& options, const std::string& run);

  [[nodiscard]] std::vector<int> encode(std::string_view text) const;
  /// What a terminal shows of a token.
  [[nodiscard]] std::string bytes_of(spankey::index_t token) const;
  /// What a text begins with where it has no prompt, and whether a token ends it.
  [[nodiscard]] int begins() const;
  [[nodiscard]] bool ends(spankey::index_t token) const;
  /// Whether it is the answer of a network that is locked.
  [[nodiscard]] bool blocks(spankey::index_t token) const;
  /// Tokens that a text is made of: those that are chosen among where a refusal is ignored.
  [[nodiscard]] spankey::index_t of_text() const;

 private:
  std::optional<spankey::byte_pair_tokenizer> tokenizer_;
};

/// Of a run that has one.
void copy_tokenizer(const run_options& options, const std::string& run, const run_folder& to);
