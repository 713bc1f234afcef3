#include "spankey/attack/key_scores.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <span>
#include <vector>

#include "attack/games/drawn_gate.hpp"

using namespace spankey;

namespace {

double score_alone(attacked_gate& gate, const held_samples& samples, std::span<const float> key,
                   channel seen) {
  double found = 0;
  score_keys(gate, samples, key, seen, std::span(&found, 1));
  return found;
}

}  // namespace

TEST_CASE("scores of keys: several at once are each of them alone, whether they fit a batch or not") {
  key_space space = small_space();
  drawn_gate gate(space, [&](std::span<const float> key) { return least_share(space, key); });
  const invalid_rule gaussian{};
  key_rows keys = draw_keys(space, nullptr, 3, 1);
  const key_rows wrong = draw_keys(space, &gaussian, 4, 1);
  keys.insert(keys.end(), wrong.begin(), wrong.end());
  const auto size = static_cast<std::size_t>(gate.key_size());
  // A batch is 30 samples: 7 are asked under four keys at once, 31 in two parts under one.
  for (const index_t samples : {1, 7, 30, 31})
    for (const channel seen : {channel::logits, channel::probabilities, channel::labels}) {
      const held_samples some = telling_samples(samples);
      std::vector<double> scores(7, -7.0);
      score_keys(gate, some, keys, seen, scores);
      for (std::size_t k = 0; k < 7; ++k)
        CHECK(scores[k] ==
              doctest::Approx(score_alone(gate, some, std::span(keys).subspan(k * size, size), seen)));
      CHECK(scores[0] > scores[3]);  // a valid key is better than a Gaussian one, whatever is seen
    }
}

TEST_CASE("scores of answers: a refusal costs as much as being wrong, and what is no number is the least") {
  const std::vector<float> let_in = {4, 0, 0}, refused = {4, 0, 9};
  const head_outputs with_reject = 3;
  CHECK(score_of_answer(let_in.data(), 0, 2, with_reject, channel::labels) == 1);
  CHECK(score_of_answer(let_in.data(), 1, 2, with_reject, channel::labels) == 0);
  CHECK(score_of_answer(refused.data(), 0, 2, with_reject, channel::labels) == 0);
  CHECK(score_of_answer(refused.data(), 0, 2, with_reject, channel::logits) ==
        doctest::Approx(-5.0069).epsilon(1e-4));
  CHECK(score_of_answer(refused.data(), 0, 2, with_reject, channel::probabilities) ==
        doctest::Approx(std::exp(-5.0) / (1 + std::exp(-5.0))).epsilon(2e-2));
  const std::vector<float> broken = {std::nanf(""), 0, 0};
  CHECK(score_of_answer(broken.data(), 0, 2, with_reject, channel::logits) == -1e30);
}
