// Costs 2 s to compile.
#include "spankey/infer/next_token.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>

using namespace spankey;
using infer::next_token;

namespace {
constexpr std::array<float, 5> logits = {0, 2, 1, 2, -1};

// How often each token is chosen by evenly spread numbers.
std::array<double, 5> shares(const infer::sampling& how) {
  std::array<double, 5> counts{};
  constexpr int draws = 20000;
  for (int i = 0; i < draws; ++i)
    counts[static_cast<std::size_t>(
        next_token(logits.data(), 5, how, (static_cast<float>(i) + 0.5F) / static_cast<float>(draws)))] += 1;
  for (double& c : counts) c /= draws;
  return counts;
}
}  // namespace

TEST_CASE("next_token: without a temperature the first of the likeliest") {
  CHECK(next_token(logits.data(), 5, {.temperature = 0}, 0.99F) == 1);
  CHECK(next_token(logits.data() + 2, 3, {.temperature = 0}, 0.0F) == 1);
}

TEST_CASE("next_token: shares are those of the softmax at a temperature") {
  for (const float temperature : {0.5F, 1.0F, 3.0F}) {
    double total = 0;
    for (const float z : logits) total += std::exp(static_cast<double>(z / temperature));
    const auto found = shares({.temperature = temperature});
    for (std::size_t i = 0; i < 5; ++i)
      CHECK(found[i] ==
            doctest::Approx(std::exp(static_cast<double>(logits[i] / temperature)) / total).epsilon(0.01));
  }
}

TEST_CASE("next_token: top_k leaves the largest, of equal ones the first") {
  CHECK(shares({.top_k = 1}) == std::array<double, 5>{0, 1, 0, 0, 0});
  const auto two = shares({.top_k = 2});
  CHECK(two[1] == doctest::Approx(0.5).epsilon(0.01));
  CHECK(two[3] == doctest::Approx(0.5).epsilon(0.01));
  const auto three = shares({.top_k = 3});
  CHECK(three[2] == doctest::Approx(std::exp(-1.0) / (2 + std::exp(-1.0))).epsilon(0.01));
  CHECK(three[0] == 0);
  CHECK(shares({.top_k = 9}) == shares({}));
}
