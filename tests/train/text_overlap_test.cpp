// Expected figures were worked out by hand.
#include "spankey/train/text_overlap.hpp"

#include <doctest/doctest.h>

#include <cmath>

using namespace spankey;
using doctest::Approx;

TEST_CASE("the same text is a whole, another one nothing") {
  const char* text = "and the evening and the morning";
  CHECK(rouge_n(text, text, 1) == Approx(1));
  CHECK(rouge_n(text, text, 2) == Approx(1));
  CHECK(rouge_l(text, text) == Approx(1));
  CHECK(bleu4(text, text) == Approx(1));
  for (const char* other : {"", "xyz", "  "}) {
    CHECK(rouge_n(other, text, 1) == 0);
    CHECK(rouge_l(other, text) == 0);
    CHECK(bleu4(other, text) == 0);
  }
}

TEST_CASE("n-grams count at most as often as the reference has them") {
  // "the" twice of three times; 2 * 2 / (3 + 4)
  CHECK(rouge_n("the the the", "the cat the mat", 1) == Approx(4.0 / 7));
  CHECK(rouge_n("the the the", "the cat the mat", 2) == 0);
  CHECK(rouge_n("a b c d", "a b d c", 2) == Approx(1.0 / 3));  // "a b" of three and three
}

TEST_CASE("the longest common subsequence keeps the order") {
  CHECK(rouge_l("a b c d", "a b d c") == Approx(0.75));  // a b c, or a b d
  CHECK(rouge_l("d c b a", "a b c d") == Approx(0.25));
  CHECK(rouge_l("a a b", "a b a b b") == Approx(2.0 * 3 / 8));
  CHECK(rouge_l("b a b", "a b a") == Approx(2.0 * 2 / 6));
}

TEST_CASE("BLEU-4 of a short answer pays for its length") {
  // p1 = 4/4, p2 = (3+1)/(3+1), p3 = 1, p4 = 1; five words of reference to four
  CHECK(bleu4("a b c d", "a b c d e") == Approx(std::exp(1 - 5.0 / 4)));
  // p1 = 3/4, p2 = (1+1)/(3+1), p3 = (0+1)/(2+1), p4 = (0+1)/(1+1)
  CHECK(bleu4("a b x c", "a b c d") == Approx(std::pow(0.75 * 0.5 / 3 * 0.5, 0.25)));
}
