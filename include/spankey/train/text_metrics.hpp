// How well a network predicts tokens, and what hides behind its refusals.
//
// Of one key and n tokens that count, with logits z of a vocabulary, C semantic tokens and the refusal r = C behind them:
//   bits         mean of -log2 p(token), p = softmax(z) of the whole vocabulary; with bytes as tokens, bits a byte
//   masked_bits  the same among the C semantic tokens alone: what an attacker reads who ignores the refusal
//   semantic     arg-max over the vocabulary is the token        masked   arg-max over the C semantic ones is it
//   reject       arg-max over the vocabulary is r
// A token with a logit that is no number has no answer: it counts as refused, and its bits as infinite.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numbers>
#include <string_view>
#include <utility>
#include <vector>

#include "spankey/core/finite.hpp"
#include "spankey/loss/cross_entropy_row.hpp"
#include "spankey/train/metrics.hpp"

namespace spankey {

enum class text_figure { bits, masked_bits, semantic, masked, reject };
inline constexpr std::array<std::string_view, 5> text_figure_names = {"bits", "masked_bits", "semantic",
                                                                      "masked", "reject"};
/// Of one key, indexed by figure.
using key_text = std::array<double, text_figure_names.size()>;

/// 2^bits: among how many equally likely tokens it would be as uncertain.
inline double perplexity(double bits) { return std::exp2(bits); }

/// One figure over all keys of a condition; `worst` as gate_should says (train/metrics.hpp).
struct text_figure_summary {
  double mean = 0, worst = 0;
};
struct text_summary {
  index_t keys = 0, tokens_per_key = 0;
  std::array<text_figure_summary, text_figure_names.size()> figures{};

  [[nodiscard]] const text_figure_summary& operator[](text_figure f) const {
    return figures[static_cast<std::size_t>(f)];
  }
};

/// Collects logits of one key after another; keeps sums alone.
class token_counter {
 public:
  /// `classes` semantic tokens of `vocabulary`.
  token_counter(index_t classes, index_t vocabulary) : classes_(classes), vocabulary_(vocabulary) {}

  /// Logits (n, vocabulary) and labels of n more tokens; a label below 0 does not count.
  void add(const float* logits, const int* labels, index_t n) {
    for (index_t i = 0; i < n; ++i)
      if (labels[i] >= 0) add(logits + i * vocabulary_, labels[i]);
  }
  /// Tokens of the current key that counted.
  [[nodiscard]] index_t tokens() const { return tokens_; }
  /// Ends the current key and returns its figures; not a number where nothing counted.
  key_text finish_key() {
    for (double& sum : sums_) sum /= static_cast<double>(tokens_);
    tokens_ = 0;
    return std::exchange(sums_, {});
  }

 private:
  void add(const float* z, index_t label) {
    ++tokens_;
    const bool finite = all_finite(z, vocabulary_);
    const auto bits = [&](index_t count) {
      return finite ? (log_sum_exp(z, count) - static_cast<double>(z[label])) / std::numbers::ln2
                    : std::numeric_limits<double>::infinity();
    };
    const index_t answer = finite ? first_largest(z, vocabulary_) : classes_;
    const auto count = [&](text_figure f, double value) { sums_[static_cast<std::size_t>(f)] += value; };
    count(text_figure::bits, bits(vocabulary_));
    count(text_figure::masked_bits, bits(classes_));
    count(text_figure::semantic, answer == label ? 1 : 0);
    count(text_figure::masked, finite && first_largest(z, classes_) == label ? 1 : 0);
    count(text_figure::reject, answer == classes_ ? 1 : 0);
  }

  index_t classes_, vocabulary_, tokens_ = 0;
  key_text sums_{};
};

/// Mean and worst key of each figure; at least one key.
inline text_summary summarise(const std::vector<key_text>& keys, index_t tokens_per_key,
                              gate_should purpose) {
  text_summary summary{.keys = static_cast<index_t>(keys.size()), .tokens_per_key = tokens_per_key};
  for (std::size_t f = 0; f < text_figure_names.size(); ++f) {
    const auto name = static_cast<text_figure>(f);
    const bool grows_when_shut =
        name == text_figure::bits || name == text_figure::masked_bits || name == text_figure::reject;
    const bool low_is_worse = (purpose == gate_should::open) != grows_when_shut;
    double sum = 0, worst = keys.front()[f];
    for (const key_text& key : keys) {
      sum += key[f];
      worst = low_is_worse ? std::min(worst, key[f]) : std::max(worst, key[f]);
    }
    summary.figures[f] = {sum / static_cast<double>(keys.size()), worst};
  }
  return summary;
}

}  // namespace spankey
