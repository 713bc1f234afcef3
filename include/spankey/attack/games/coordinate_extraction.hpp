// Game 11, extraction number by number: does a key that is right in more of its numbers open more? Then one finds them one at a time.
//
//   part right   valid keys of which a share of the numbers, drawn at random, is a Gaussian key's
//   signs        from a Gaussian key on, the sign of one number after another is turned; it stays turned where the score of some
//                samples rises (attack/key_scores.hpp); two passes over all numbers, or until the queries are used up
// A gate that can be learnt so has no bits: what counts is not how many keys there are. Measures: `right signs`, the share of numbers
// with the sign of the mean valid key; `correlation`, of the share of right numbers with the share of right answers over all keys of
// `part right`: 0 where one learns nothing before one knows everything.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string_view>
#include <vector>

#include "spankey/attack/game.hpp"
#include "spankey/attack/games/key_measures.hpp"
#include "spankey/attack/key_scores.hpp"

namespace spankey {

struct coordinate_extraction {
  static constexpr int number = 11;
  static constexpr std::string_view title = "extraction number by number";
  static constexpr knowledge knows = knowledge::nothing;
  static constexpr bool needs_keys = true;

  struct limits_type {
    std::vector<index_t> queries = {100, 1000, 10000};  // ascending
    index_t samples = 256;                              // of every query
    index_t runs = 3;
    index_t passes = 2;
    double share_step = 0.1;
  } limits;

  [[nodiscard]] static limits_type limits_at(attack_budget b) {
    limits_type l;
    l.queries =
        at_budget<std::vector<index_t>>(b, {100, 1000}, {100, 1000, 10000}, {100, 1000, 10000, 100000});
    l.samples = at_budget<index_t>(b, 32, 128, 256);
    l.runs = at_budget<index_t>(b, 1, 3, 3);
    l.share_step = at_budget(b, 0.25, 0.1, 0.1);
    return l;
  }

  /// Fails with attack.126 as black_box does.
  void play(const gate_target& target, const point_listener& tell) const {
    if (limits.queries.empty() || limits.samples < 1)
      fail("attack.126", "coordinate_extraction", "found ", limits.queries.size(), " budgets and ",
           limits.samples, " samples a query; expected at least one of each");
    part_right(target, tell);
    signs(target, tell);
  }

 private:
  void part_right(const gate_target& target, const point_listener& tell) const {
    const key_rows valid = draw_keys(*target.secret, nullptr, target.keys, target.seed);
    const invalid_rule gaussian{};
    const key_rows wrong = draw_keys(*target.secret, &gaussian, target.keys, target.seed);
    const random_source drawn(target.seed, stream::forgery, number);
    std::vector<double> shares, rights;
    std::vector<attack_point> points;
    for (double share = limits.share_step; share < 1 - limits.share_step / 2; share += limits.share_step) {
      key_rows keys = wrong;
      for (std::size_t i = 0; i < keys.size(); ++i)
        if (drawn.uniform(i) < share) keys[i] = valid[i];
      points.push_back({.attack = "part right",
                        .unit = "share of the numbers",
                        .budget = share,
                        .decides = share <= 0.5,
                        .answers = ask_keys(target.gate, target.judged, keys)});
      for (const double right : points.back().answers.shares(figure::masked))
        shares.push_back(share), rights.push_back(right);
    }
    for (attack_point& point : points) {
      point.measures = {{"correlation", correlation(shares, rights)}};
      tell(std::move(point));
    }
  }

  void signs(const gate_target& target, const point_listener& tell) const {
    const held_samples asked = target.own.first(limits.samples);
    const auto d = static_cast<std::size_t>(target.gate.key_size());
    const auto deviation = static_cast<double>(target.secret->config().key_std);
    std::vector<key_rows> found(limits.queries.size());
    // All runs go side by side: a query of each at once.
    const auto runs = static_cast<std::size_t>(limits.runs);
    key_rows keys(runs * d);
    for (std::size_t run = 0; run < runs; ++run) {
      const random_source drawn(target.seed, stream::key_search, (std::uint64_t{1} << 21) + run);
      for (std::size_t i = 0; i < d; ++i)
        keys[run * d + i] = static_cast<float>(deviation * drawn.gaussian(i));
    }
    std::vector<double> best(runs), scores(runs);
    score_keys(target.gate, asked, keys, channel::logits, best);
    std::size_t next = 0;
    index_t spent = 1;
    const auto note = [&] {
      while (next < limits.queries.size() && spent >= limits.queries[next]) found[next++] = keys;
    };
    const auto turn = [&](std::size_t run, std::size_t i) { keys[run * d + i] = -keys[run * d + i]; };
    for (index_t pass = 0; pass < limits.passes; ++pass)
      for (std::size_t i = 0; i < d && next < limits.queries.size(); ++i) {
        for (std::size_t run = 0; run < runs; ++run) turn(run, i);
        score_keys(target.gate, asked, keys, channel::logits, scores);
        for (std::size_t run = 0; run < runs; ++run) {
          if (scores[run] > best[run]) {
            best[run] = scores[run];
          } else {
            turn(run, i);
          }
        }
        ++spent;
        note();
      }
    spent = limits.queries.back();  // what it ends with is what it has at every larger budget
    note();
    const key_rows valid = draw_keys(*target.secret, nullptr, target.keys, target.seed);
    for (std::size_t b = 0; b < found.size(); ++b)
      tell({.attack = "signs, logits",
            .unit = "queries",
            .budget = static_cast<double>(limits.queries[b]),
            .answers = ask_keys(target.gate, target.judged, found[b]),
            .measures = {{"right signs", right_signs(found[b], valid, d)}}});
  }

  static double right_signs(const key_rows& keys, const key_rows& valid, std::size_t d) {
    std::vector<double> mean(d, 0.0);
    for (std::size_t i = 0; i < valid.size(); ++i) mean[i % d] += static_cast<double>(valid[i]);
    std::size_t right = 0;
    for (std::size_t i = 0; i < keys.size(); ++i) right += (keys[i] > 0) == (mean[i % d] > 0) ? 1U : 0U;
    return static_cast<double>(right) / static_cast<double>(keys.size());
  }

  static double correlation(const std::vector<double>& a, const std::vector<double>& b) {
    const double mean_a = mean_of(a), mean_b = mean_of(b);
    double ab = 0, aa = 0, bb = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
      const double x = a[i] - mean_a, y = b[i] - mean_b;
      ab += x * y, aa += x * x, bb += y * y;
    }
    return aa > 0 && bb > 0 ? ab / std::sqrt(aa * bb) : 0;
  }
};

static_assert(Game<coordinate_extraction>);

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
