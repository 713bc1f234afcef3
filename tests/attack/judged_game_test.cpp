#include "spankey/attack/judged_game.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <vector>

#include "attack/games/drawn_gate.hpp"
#include "error_probe.hpp"

using namespace spankey;

namespace {

// Two attacks that each open other keys, and one that decides nothing.
struct two_attacks {
  static constexpr int number = 99;
  static constexpr std::string_view title = "two attacks";
  static constexpr knowledge knows = knowledge::nothing;
  static constexpr bool needs_keys = false;
  struct limits_type {
  } limits;
  static limits_type limits_at(attack_budget) { return {}; }

  void play(const gate_target&, const point_listener& tell) const {
    const auto right = hit_bit(figure::masked);
    tell({.attack = "first", .unit = "queries", .budget = 10, .answers = {2, {right, right, 0, 0}}});
    tell({.attack = "second", .unit = "queries", .budget = 10, .answers = {2, {0, 0, right, right}}});
    tell({.attack = "other", .unit = "samples", .budget = 10, .answers = {2, {right, 0}}, .labelled = 10});
    tell({.attack = "shown",
          .unit = "queries",
          .budget = 10,
          .decides = false,
          .answers = {2, {right, right}}});
  }
};
static_assert(Game<two_attacks>);

played_game played() {
  key_space space = small_space();
  drawn_gate gate(space, [](std::span<const float>) { return 0.0; });
  const held_samples samples = telling_samples(4);
  return play(two_attacks{}, gate_target{gate, &space, samples, samples}, [](const played_point&) {});
}
utility fixed(double share) { return {{share}, {share, share}}; }

}  // namespace

TEST_CASE(
    "judged game: of every key the best attack counts, where attacks have as many keys and the same budget") {
  const played_game points = played();
  REQUIRE(points.size() == 5);
  CHECK(points[0].found.mean() == 0.5);
  CHECK(points[1].found.mean() == 0.5);
  CHECK(points[4].attack == "best of all");
  CHECK(points[4].found.mean() == 1);
}

TEST_CASE("judged game: the attack that gains most decides; floors are those of as many labelled samples") {
  const std::vector<played_game> seeds = {played(), played()};
  index_t asked = 0;
  const auto floor = [&](index_t labelled) {
    asked = labelled;
    return fixed(0.5);
  };
  const std::vector<seed_terms> terms = {{fixed(1), floor}, {fixed(1), floor}};
  const judged_game judged = judge_game(seeds, terms, 0.25, 1);
  CHECK(judged.points[judged.best].attack == "best of all");
  CHECK(judged.points[judged.best].gain.gain == doctest::Approx(1));
  CHECK(judged.points[0].gain.gain == doctest::Approx((0.5 - 0.25) / 0.75));
  CHECK(judged.points[2].gain.gain == doctest::Approx(0));  // .5, as from scratch
  CHECK(asked == 10);
  CHECK(judged.points[0].worst == 1);
  CHECK(judged.verdict == verdict_of_game::lost);
}

TEST_CASE("judged game: what decides for one seed and not for another counts where it does") {
  // The second seed's network is broken by the first attack: it decides nothing there, and has no better partner.
  std::vector<played_game> seeds = {played(), played()};
  seeds[1][0].decides = false;
  seeds[1][0].found = fixed(0.9);
  seeds[1].erase(seeds[1].begin() + 4);
  const std::vector<seed_terms> terms = {{fixed(1), nullptr}, {fixed(1), nullptr}};
  const judged_game judged = judge_game(seeds, terms, 0.25, 1);
  REQUIRE(judged.points.size() == 5);
  CHECK(judged.points[0].decides);
  CHECK(judged.points[0].gain.gain == doctest::Approx((0.5 - 0.25) / 0.75));  // of the first seed alone
  CHECK(judged.points[4].attack == best_of_all);
  CHECK(judged.points[4].gain.gain == doctest::Approx(1));
}

TEST_CASE("judged game: seeds that played other games are refused, and so are none") {
  std::vector<played_game> seeds = {played(), played()};
  const std::vector<seed_terms> terms = {{fixed(1), nullptr}, {fixed(1), nullptr}};
  seeds[1][0].budget = 11;
  const auto judge_them = [&](std::span<const played_game> games, std::span<const seed_terms> of) {
    return spankey_test::id_of([&] { (void)judge_game(games, of, 0.25, 1); });
  };
  CHECK(judge_them(seeds, terms) == "attack.128");
  CHECK(judge_them({}, {}) == "attack.128");
  CHECK(judge_them(std::span(seeds).first(1), terms) == "attack.128");
}
