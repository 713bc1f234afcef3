// Game 4, black box: who knows nothing but the size of a key looks for one by asking (attack/key_search.hpp), with logits,
// probabilities or answers alone to go by. A query is one key on a few labelled samples. Every search runs several times: a row of
// a point is the best key of one run, among those that it asked up to then.
//
// Measures: `found`, the share of runs whose key is right, and not refused, on 90 % as many of the samples that decide as a
// valid key is; `angle`, of the best run's key to the span of the site where it is the least, in degrees.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <string>
#include <vector>

#include "spankey/attack/game.hpp"
#include "spankey/attack/games/key_measures.hpp"
#include "spankey/attack/key_scores.hpp"
#include "spankey/attack/key_search.hpp"

namespace spankey {

struct black_box {
  static constexpr int number = 4;
  static constexpr std::string_view title = "black box";
  static constexpr knowledge knows = knowledge::nothing;
  static constexpr bool needs_keys = true;

  struct limits_type {
    std::vector<index_t> queries = {100, 1000, 10000};  // ascending
    std::vector<key_search> searches = {key_search::random, key_search::nes, key_search::spsa,
                                        key_search::sep_cma_es, key_search::walk};
    std::vector<channel> channels = {channel::logits, channel::probabilities, channel::labels};
    index_t samples = 64;  // of every query
    index_t runs = 20, restarts = 10;
  } limits;

  [[nodiscard]] static limits_type limits_at(attack_budget b) {
    limits_type l;
    l.queries =
        at_budget<std::vector<index_t>>(b, {100, 1000}, {100, 1000, 10000}, {100, 1000, 10000, 100000});
    l.samples = at_budget<index_t>(b, 16, 64, 64);
    l.runs = at_budget<index_t>(b, 2, 3, 20);
    l.restarts = at_budget<index_t>(b, 1, 1, 10);
    return l;
  }

  /// Errors: attack.126 for limits without queries, or more samples than the attacker has.
  void play(const gate_target& target, const point_listener& tell) const {
    if (limits.queries.empty() || limits.samples < 1 || limits.samples > target.own.size())
      fail("attack.126", "black_box", "found ", limits.queries.size(), " budgets and ", limits.samples,
           " samples a query; expected at least one of each, and at most the attacker's ", target.own.size());
    const held_samples asked = target.own.first(limits.samples);
    const double deviation = static_cast<double>(target.secret->config().key_std);
    const double open = mean_of(target.answers_to(nullptr).shares(figure::semantic));
    const auto d = static_cast<std::size_t>(target.gate.key_size());
    for (const channel seen : limits.channels)
      for (const key_search kind : limits.searches) {
        if (kind == key_search::walk && seen != channel::labels) continue;  // made for them
        std::vector<key_rows> best(limits.queries.size());
        for (index_t run = 0; run < limits.runs; ++run)
          one_run(target, asked, kind, seen, deviation, d, static_cast<std::uint64_t>(run), best);
        for (std::size_t b = 0; b < best.size(); ++b) {
          attack_point point{.attack = std::string(key_search_names[static_cast<std::size_t>(kind)]) + ", " +
                                       std::string(name_of(seen)),
                             .unit = "queries",
                             .budget = static_cast<double>(limits.queries[b]),
                             .judged = judged_by(seen),
                             .answers = ask_keys(target.gate, target.judged, best[b])};
          point.measures = {{"found", share_that_reaches(point.answers, 0.9 * open)},
                            {"angle", least_angle(*target.secret, best[b])}};
          tell(std::move(point));
        }
      }
  }

 private:
  static std::string_view name_of(channel seen) {
    return seen == channel::logits ? "logits" : seen == channel::probabilities ? "probabilities" : "labels";
  }
  void one_run(const gate_target& target, const held_samples& asked, key_search kind, channel seen,
               double deviation, std::size_t d, std::uint64_t run, std::vector<key_rows>& best) const {
    key_rows keys;
    const key_scorer score = [&](std::span<const double> found, std::span<double> scores) {
      keys.resize(found.size());
      std::transform(found.begin(), found.end(), keys.begin(),
                     [](double x) { return static_cast<float>(x); });
      score_keys(target.gate, asked, keys, seen, scores);
    };
    std::size_t next = 0;
    search_key(kind, d,
               {.queries = limits.queries.back(),
                .deviation = deviation,
                .restart = limits.restarts > 1 ? limits.queries.back() / limits.restarts : 0,
                .seed = target.seed,
                .run = run},
               score, limits.queries, [&](index_t, const std::vector<double>& k) {
                 for (const double x : k) best[next].push_back(static_cast<float>(x));
                 ++next;
               });
  }
};

static_assert(Game<black_box>);

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
