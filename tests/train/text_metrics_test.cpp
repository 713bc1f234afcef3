#include "spankey/train/text_metrics.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

using namespace spankey;

namespace {
double of(const key_text& key, text_figure f) { return key[static_cast<std::size_t>(f)]; }
}  // namespace

TEST_CASE("token_counter: bits, masked bits, right answers and refusals of hand-made logits") {
  // Two semantic tokens, the refusal, and a number that is no answer.
  token_counter counter(2, 4);
  const float ln3 = std::log(3.0F), low = -200;
  const std::vector<float> z = {ln3, 0,   low, low,   // p = 3/4, 1/4
                                0,   ln3, low, low,   //
                                0,   0,   20,  low,   // refused; behind it 1/2 each
                                0,   0,   0,   ln3};  // p = 1/6 each of three; the answer is none
  const std::vector<int> labels{0, 0, 1, -1};
  counter.add(z.data(), labels.data(), 2);
  counter.add(z.data() + 8, labels.data() + 2, 2);
  CHECK(counter.tokens() == 3);
  const key_text key = counter.finish_key();
  const double refused = std::log2(2 + std::exp(20.0));
  CHECK(of(key, text_figure::bits) == doctest::Approx((std::log2(4.0 / 3) + 2 + refused) / 3));
  CHECK(of(key, text_figure::masked_bits) == doctest::Approx((std::log2(4.0 / 3) + 2 + 1) / 3));
  CHECK(of(key, text_figure::semantic) == doctest::Approx(1.0 / 3));
  CHECK(of(key, text_figure::masked) == doctest::Approx(1.0 / 3));
  CHECK(of(key, text_figure::reject) == doctest::Approx(1.0 / 3));
  CHECK(perplexity(3) == 8);
  // The next key starts anew.
  counter.add(z.data(), labels.data(), 1);
  CHECK(of(counter.finish_key(), text_figure::semantic) == 1);
}

TEST_CASE("token_counter: a logit that is no number is a refusal of infinite bits") {
  token_counter counter(2, 3);
  const std::vector<float> z = {1, std::numeric_limits<float>::quiet_NaN(), 0};
  const int label = 0;
  counter.add(z.data(), &label, 1);
  const key_text key = counter.finish_key();
  CHECK(std::isinf(of(key, text_figure::bits)));
  CHECK(of(key, text_figure::reject) == 1);
  CHECK(of(key, text_figure::masked) == 0);
}

TEST_CASE("text summaries: the worst key is the one that does most harm") {
  const std::vector<key_text> keys{{1, 2, 0.5, 0.6, 0.1}, {3, 1, 0.7, 0.2, 0.3}};
  const text_summary open = summarise(keys, 10, gate_should::open),
                     shut = summarise(keys, 10, gate_should::stay_shut);
  CHECK(open[text_figure::bits].mean == 2);
  CHECK(open[text_figure::bits].worst == 3);
  CHECK(open[text_figure::semantic].worst == 0.5);
  CHECK(open[text_figure::reject].worst == 0.3);
  CHECK(shut[text_figure::masked_bits].worst == 1);
  CHECK(shut[text_figure::masked].worst == 0.6);
  CHECK(shut[text_figure::reject].worst == 0.1);
}
