#include "spankey/data/grammar.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "error_probe.hpp"

using namespace spankey;
using spankey_test::id_of;

TEST_CASE("grammar: sentences are functions of seed and number, and look as they should") {
  CHECK(grammar_sentence(1, 7) == grammar_sentence(1, 7));
  CHECK(grammar_sentence(1, 7) != grammar_sentence(2, 7));
  CHECK(grammar_text(3, 5, 2) == grammar_sentence(3, 5) + grammar_sentence(3, 6));
  for (std::uint64_t i = 0; i < 200; ++i) {
    const std::string text = grammar_sentence(1, i);
    CHECK(text.substr(0, 4) == "the ");
    CHECK(text.substr(text.size() - 2) == ".\n");
    // The verb agrees with the subject: exactly one of the two has an "s" at its end.
    const std::size_t object = text.rfind(" the "), verb = text.rfind(' ', object - 1);
    CHECK((text[object - 1] == 's') != (text[verb - 1] == 's'));
  }
  CHECK(id_of([] { (void)grammar_text(1, 0, 0); }) == "data.221");
}

TEST_CASE("grammar: the length and the entropy of a sentence are those of many") {
  constexpr std::uint64_t count = 40'000;
  double bytes = 0;
  std::map<std::string, int> first;  // choices up to the first noun, whose probabilities are known
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::string text = grammar_sentence(9, i);
    bytes += static_cast<double>(text.size());
    ++first[text.substr(0, text.find(' ', 4))];
  }
  CHECK(bytes / count == doctest::Approx(grammar_sentence_length()).epsilon(0.002));
  // "the" and an adjective, or a noun in one of two numbers: 8 of 1/16 each, 32 of 1/64.
  double bits = 0;
  for (const auto& [text, n] : first) bits -= n / double(count) * std::log2(n / double(count));
  CHECK(first.size() == 40);
  CHECK(bits == doctest::Approx(0.5 * 4 + 0.5 * 6).epsilon(0.002));
  CHECK(grammar_entropy() == doctest::Approx(18 * std::numbers::ln2 / grammar_sentence_length()));
}

TEST_CASE("grammar: no word, alone or with an s, spells another") {
  std::set<std::string> spelled;
  std::size_t words = 0;
  const auto add = [&](const auto& list) {
    for (const auto word : list)
      for (const char* ending : {"", "s"}) spelled.insert(std::string(word) + ending), ++words;
  };
  add(grammar_words::nouns);
  add(grammar_words::adjectives);
  add(grammar_words::verbs);
  CHECK(spelled.size() == words);
}
