// Text that a release is calibrated on and compared by: windows of tokens of a run's own data, or of a file through the run's tokens.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "run_options.hpp"
#include "run_tokens.hpp"
#include "spankey/core/shape.hpp"

struct release_text_options {
  std::string file;         // empty: the data of the run
  std::int64_t window = 0;  // tokens, 0: the network's context
};

/// Side by side.
class token_windows {
 public:
  token_windows(std::vector<int> tokens, spankey::index_t length)
      : tokens_(std::move(tokens)), length_(length) {}
  [[nodiscard]] spankey::index_t size() const {
    return static_cast<spankey::index_t>(tokens_.size()) / length_;
  }
  [[nodiscard]] spankey::index_t length() const { return length_; }
  /// The i-th of `count`, which lie all over the text.
  [[nodiscard]] std::span<const int> spread(spankey::index_t i, spankey::index_t count) const {
    return std::span(tokens_).subspan(static_cast<std::size_t>(i * size() / count * length_),
                                      static_cast<std::size_t>(length_));
  }

 private:
  std::vector<int> tokens_;
  spankey::index_t length_;
};

/// Of a network of tokens. Of a file the first nine tenths are for training, the rest for tests; `run` is the folder that has its
/// tokens. Fails with flag.241 where there is no text: a run with a tokenizer has none of its own, flag.242 for a window that is longer
/// than the context, or than the text.
token_windows release_text(const run_options& options, const std::string& run,
                           const release_text_options& text, spankey::split part);
