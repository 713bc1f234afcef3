#include "spankey/attack/gain.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "error_probe.hpp"

using namespace spankey;

namespace {

// Rows x columns, each right with a probability that its row and its column have.
answer_table drawn_table(index_t rows, index_t columns, double mean, double spread, std::uint64_t seed) {
  const random_source drawn(seed, stream::bootstrap, 77);
  answer_table table{columns, {}};
  std::uint64_t next = 0;
  std::vector<double> of_column(static_cast<std::size_t>(columns));
  for (double& c : of_column) c = spread * drawn.gaussian(next++);
  for (index_t r = 0; r < rows; ++r) {
    const double of_row = spread * drawn.gaussian(next++);
    for (index_t c = 0; c < columns; ++c)
      table.hits.push_back(drawn.uniform(1000000 + next++) <
                                   mean + of_row + of_column[static_cast<std::size_t>(c)]
                               ? hit_bit(figure::masked)
                               : std::uint8_t{0});
  }
  return table;
}
utility drawn(index_t rows, index_t columns, double mean, double spread, std::uint64_t seed) {
  return utility_of(drawn_table(rows, columns, mean, spread, seed), figure::masked);
}
utility fixed(std::vector<double> rows, std::vector<double> columns) {
  return {std::move(rows), std::move(columns)};
}

}  // namespace

TEST_CASE(
    "gain: 0 at the floor, 1 where the attack has what valid keys have, and chance is the least floor") {
  const utility open = fixed({0.9, 0.9}, {0.9, 0.9}), floor = fixed({0.3}, {0.3, 0.3});
  const auto gain = [&](double attack, const utility& of_floor) {
    const gain_terms terms[] = {{fixed({attack}, {attack, attack}), open, of_floor}};
    return estimate_gain(terms, 0.1, 1);
  };
  CHECK(gain(0.3, floor).gain == doctest::Approx(0));
  CHECK(gain(0.9, floor).gain == doctest::Approx(1));
  CHECK(gain(0.6, floor).gain == doctest::Approx(0.5));
  CHECK(gain(0.5, {}).gain == doctest::Approx(0.5));
  CHECK(gain(0.5, {}).floor == 0.1);
  CHECK(gain(0.5, fixed({0.02}, {0.02, 0.02})).floor == 0.1);
  // Nothing varies, so nothing is unsure.
  CHECK(gain(0.6, floor).low == doctest::Approx(0.5));
  CHECK(gain(0.6, floor).high == doctest::Approx(0.5));
  CHECK(judge(gain(0.6, floor)) == verdict_of_game::lost);
  CHECK(judge(gain(0.35, floor)) == verdict_of_game::held);
  // An open network that is no better than the floor has nothing to gain.
  CHECK(std::isnan(gain(0.5, fixed({0.95}, {0.95, 0.95})).gain));
  CHECK(judge(gain(0.5, fixed({0.95}, {0.95, 0.95}))) == verdict_of_game::not_decided);
}

TEST_CASE("gain: nineteen of twenty intervals hold the truth, where keys and samples differ") {
  constexpr int trials = 120;
  int held = 0, narrow = 0;
  for (int t = 0; t < trials; ++t) {
    const auto seed = static_cast<std::uint64_t>(t) * 3;
    const gain_terms terms[] = {{drawn(12, 40, 0.4, 0.12, seed), drawn(12, 40, 0.8, 0.05, seed + 1),
                                 drawn(3, 40, 0.2, 0.02, seed + 2)}};
    const gain_estimate g = estimate_gain(terms, 0.1, seed, 300);
    CHECK(g.low <= g.gain);
    CHECK(g.gain <= g.high);
    held += g.low <= 1.0 / 3 && 1.0 / 3 <= g.high ? 1 : 0;
    narrow += g.high - g.low < 0.4 ? 1 : 0;
  }
  CHECK(held >= trials * 17 / 20);
  CHECK(narrow > trials / 2);
}

TEST_CASE("gain: seeds that disagree make it unsure, and bootstraps of one seed are the same") {
  const auto seeds_of = [](double a, double b) {
    std::vector<gain_terms> terms;
    for (const double attack : {a, b})
      terms.push_back({fixed({attack, attack}, {attack}), fixed({1.0}, {1.0}), {}});
    return terms;
  };
  const gain_estimate apart = estimate_gain(seeds_of(0.0, 0.4), 0, 1),
                      close = estimate_gain(seeds_of(0.2, 0.2), 0, 1);
  CHECK(apart.gain == doctest::Approx(close.gain));
  CHECK(apart.low == doctest::Approx(0));
  CHECK(apart.high == doctest::Approx(0.4));
  CHECK(close.high - close.low == doctest::Approx(0));
  CHECK(judge(apart) == verdict_of_game::not_decided);
  const gain_terms one[] = {{drawn(9, 30, 0.5, 0.1, 4), drawn(9, 30, 0.9, 0.01, 5), {}}};
  CHECK(estimate_gain(one, 0.1, 6).low == estimate_gain(one, 0.1, 6).low);
  CHECK(estimate_gain(one, 0.1, 6).low != estimate_gain(one, 0.1, 7).low);
}

TEST_CASE("gain: errors, and what is said of none in n") {
  CHECK(spankey_test::id_of([] { (void)estimate_gain({}, 0.1, 1); }) == "attack.124");
  const gain_terms uneven[] = {{fixed({0.1}, {0.1}), fixed({0.9}, {0.9, 0.9}), {}}};
  CHECK(spankey_test::id_of([&] { (void)estimate_gain(uneven, 0.1, 1); }) == "attack.124");
  CHECK(at_most_of_none(3000) == doctest::Approx(1e-3));
  CHECK(at_most_of_none(0) == 1);
}
