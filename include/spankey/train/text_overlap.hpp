// How much of a reference an answer says: figures for generated text, of words between blanks.
//   ROUGE-n   F1 of n-grams: c of them in both, counted at most as often as in either; recall c / reference, precision c / answer
//   ROUGE-L   the same of the longest common subsequence of words
//   BLEU-4    min(1, exp(1 - r/a)) exp(mean of ln p_n, n = 1 to 4): a words, r of the reference; p_n the precision of n-grams, with
//             1 added to both of its counts from n = 2 on
// Sources: Lin 2004; Papineni et al. 2002; smoothing of Lin and Och 2004.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "spankey/core/shape.hpp"

namespace spankey {

inline std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find_first_of(" \n\t", begin), text.size());
    if (end > begin) words.emplace_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return words;
}

/// How many of something are in both, in the answer and in the reference.
struct overlap_count {
  index_t both = 0, answer = 0, reference = 0;

  [[nodiscard]] double f1() const {
    return both == 0 ? 0 : 2 * static_cast<double>(both) / static_cast<double>(answer + reference);
  }
};

/// n-grams; n from 1.
inline overlap_count count_ngrams(const std::vector<std::string>& answer,
                                  const std::vector<std::string>& reference, std::size_t n) {
  std::map<std::vector<std::string>, index_t> left;
  overlap_count found;
  const auto each = [&](const std::vector<std::string>& words, auto&& f) {
    for (std::size_t i = 0; i + n <= words.size(); ++i)
      f(std::vector<std::string>(words.begin() + static_cast<std::ptrdiff_t>(i),
                                 words.begin() + static_cast<std::ptrdiff_t>(i + n)));
  };
  each(reference, [&](auto gram) { ++left[gram], ++found.reference; });
  each(answer, [&](auto gram) {
    ++found.answer;
    if (const auto at = left.find(gram); at != left.end() && at->second-- > 0) ++found.both;
  });
  return found;
}

inline double rouge_n(std::string_view answer, std::string_view reference, std::size_t n) {
  return count_ngrams(words_of(answer), words_of(reference), n).f1();
}

inline double rouge_l(std::string_view answer, std::string_view reference) {
  const std::vector<std::string> a = words_of(answer), b = words_of(reference);
  std::vector<index_t> longest(b.size() + 1);  // of a's words so far and b's first j
  for (const std::string& word : a)
    for (std::size_t j = 0, diagonal = 0; j < b.size(); ++j) {
      const auto above = static_cast<std::size_t>(longest[j + 1]);
      if (word == b[j]) {
        longest[j + 1] = static_cast<index_t>(diagonal) + 1;
      } else {
        longest[j + 1] = std::max(longest[j + 1], longest[j]);
      }
      diagonal = above;
    }
  return overlap_count{longest.back(), static_cast<index_t>(a.size()), static_cast<index_t>(b.size())}.f1();
}

inline double bleu4(std::string_view answer, std::string_view reference) {
  const std::vector<std::string> a = words_of(answer), b = words_of(reference);
  double logarithms = 0;
  for (std::size_t n = 1; n <= 4; ++n) {
    const overlap_count found = count_ngrams(a, b, n);
    const double more = n > 1 ? 1 : 0;
    if (found.both + static_cast<index_t>(more) == 0) return 0;
    logarithms +=
        std::log((static_cast<double>(found.both) + more) / (static_cast<double>(found.answer) + more)) / 4;
  }
  const double ratio = static_cast<double>(b.size()) / static_cast<double>(a.size());
  return std::min(1.0, std::exp(1 - ratio)) * std::exp(logarithms);
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
