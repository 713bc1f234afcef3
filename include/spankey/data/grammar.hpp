// A drawn text that needs no file: sentences of a small grammar, whose best possible loss is known.
//
//   sentence  subject verb object "." newline        subject, object:  "the " [adjective] noun
//   Each of them is singular or plural ("s"); with a singular subject the verb ends in "s": a network has to carry the
//   subject's number over the words between. Every choice is even: number, whether there is an adjective, and which word.
// Sentence i of a seed is a function of (seed, i). Different choices spell different sentences, so the entropy of a
// sentence is that of its choices: four even ones of two, and log 8 for the verb, log 16 for a noun, log 8 for an adjective where
// there is one. Since sentences are drawn independently, no predictor loses less a byte, on average, than
//   grammar_entropy() = entropy of a sentence / its mean length.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <string>
#include <string_view>

#include "spankey/core/error.hpp"
#include "spankey/core/random.hpp"
#include "spankey/core/shape.hpp"

namespace spankey {

struct grammar_words {
  static constexpr std::array<std::string_view, 16> nouns{
      "dog",  "cat",  "bird", "horse", "king", "queen", "child", "sailor",
      "tree", "boat", "lamp", "song",  "road", "stone", "clerk", "weaver"};
  static constexpr std::array<std::string_view, 8> adjectives{"old",    "young",  "quiet", "bright",
                                                              "little", "famous", "green", "lost"};
  static constexpr std::array<std::string_view, 8> verbs{"see",   "hear", "follow", "like",
                                                         "paint", "need", "find",   "call"};
};

/// Sentence i of `seed`, with its end of line.
inline std::string grammar_sentence(std::uint64_t seed, std::uint64_t i) {
  const random_source source(seed, stream::grammar);
  std::uint64_t next = 16 * i;
  const auto one_of = [&](const auto& words) {
    return words[source.below(next++, static_cast<std::uint32_t>(words.size()))];
  };
  std::string text;
  const auto noun_phrase = [&] {
    const bool plural = source.below(next++, 2) == 1;
    text += "the ";
    if (source.below(next++, 2) == 1) text.append(one_of(grammar_words::adjectives)) += ' ';
    text += one_of(grammar_words::nouns);
    if (plural) text += 's';
    return plural;
  };
  const bool plural = noun_phrase();
  text += ' ';
  text += one_of(grammar_words::verbs);
  text += plural ? " " : "s ";
  noun_phrase();
  return text + ".\n";
}

/// Sentences [begin, begin + count) of `seed` one after another. Error data.221 for fewer than one.
inline std::string grammar_text(std::uint64_t seed, std::uint64_t begin, index_t count) {
  if (count < 1) fail("data.221", "grammar", "found ", count, " sentences, expected at least 1");
  std::string text;
  for (std::uint64_t i = begin; i < begin + static_cast<std::uint64_t>(count); ++i)
    text += grammar_sentence(seed, i);
  return text;
}

/// Bytes of a sentence on average.
constexpr double grammar_sentence_length() {
  const auto mean = [](const auto& words) {
    double sum = 0;
    for (const std::string_view word : words) sum += static_cast<double>(word.size());
    return sum / static_cast<double>(words.size());
  };
  // "the ", half an adjective and its blank, a noun, half an "s".
  const double phrase = 4 + 0.5 * (mean(grammar_words::adjectives) + 1) + mean(grammar_words::nouns) + 0.5;
  // Blanks around the verb, half an "s", a point and the end of the line.
  return 2 * phrase + mean(grammar_words::verbs) + 2 + 0.5 + 2;
}

/// The least mean loss, in nats a byte, that any predictor reaches.
inline double grammar_entropy() {
  // In bits: number and presence of an adjective, half the choice of one, a noun; twice. And a verb.
  constexpr double bits = 2 * (1 + 1 + 0.5 * 3 + 4) + 3;
  return bits * std::numbers::ln2 / grammar_sentence_length();
}

}  // namespace spankey
