// What a game comes to: of every budget of every attack the gain with its interval over seeds, keys and samples; of the game the
// attack that gains most.
//
// Of several attacks that decide with as many keys each, an attacker takes for every key the one that does most: that is one more
// attack, `best of all`, at every budget that two or more of them share.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "spankey/attack/gain.hpp"
#include "spankey/attack/game.hpp"

namespace spankey {

/// A point without its table: what is kept of it.
struct played_point {
  std::string attack, unit;
  double budget = 0;
  figure judged = figure::masked;
  bool decides = true;
  index_t labelled = 0;  // samples with labels that were used: a network from scratch has them, too
  utility found;
  std::vector<measure> measures;
};

/// What one seed's attacker did, in one game.
using played_game = std::vector<played_point>;

/// What the best of all attacks with one budget is called.
inline constexpr std::string_view best_of_all = "best of all";

/// Plays, and adds what the best of all attacks does for every key. `on_point` may show how far it is.
template <class G, class Target>
played_game play(const G& game, const Target& target,
                 const std::function<void(const played_point&)>& on_point) {
  played_game points;
  std::vector<attack_point> deciding;
  const auto keep = [&](const attack_point& p) {
    points.push_back({p.attack, p.unit, p.budget, p.judged, p.decides, p.labelled,
                      utility_of(p.answers, p.judged), p.measures});
    on_point(points.back());
  };
  game.play(target, [&](attack_point p) {
    keep(p);
    if (p.decides) deciding.push_back(std::move(p));
  });
  while (!deciding.empty()) {
    const attack_point first = deciding.front();
    std::vector<const answer_table*> same;
    for (const attack_point& p : deciding)
      if (p.unit == first.unit && p.budget == first.budget && p.judged == first.judged &&
          p.answers.rows() == first.answers.rows())
        same.push_back(&p.answers);
    if (same.size() > 1) {
      attack_point best{.attack = std::string(best_of_all),
                        .unit = first.unit,
                        .budget = first.budget,
                        .judged = first.judged,
                        .answers = best_by_row(same, first.judged)};
      best.labelled = first.labelled;
      keep(best);
    }
    std::erase_if(deciding, [&](const attack_point& p) {
      return p.unit == first.unit && p.budget == first.budget && p.judged == first.judged &&
             p.answers.rows() == first.answers.rows();
    });
  }
  return points;
}

/// What one seed's attacker is measured by.
struct seed_terms {
  utility open;
  std::function<utility(index_t)> floor;  // of so many labelled samples; without rows, or none: chance
};

struct judged_point {
  std::string attack, unit;
  double budget = 0;
  bool decides = true;
  gain_estimate gain{};
  double worst = 0;                 // the key that did most, of any seed
  std::vector<measure> measures{};  // means over the seeds
};
struct judged_game {
  std::vector<judged_point> points;  // as played
  std::size_t best = 0;              // of those that decide, the one that gains most
  verdict_of_game verdict = verdict_of_game::not_decided;
};

/// The same attack, with the same budget.
inline bool same_attack(const played_point& a, const played_point& b) {
  return a.attack == b.attack && a.unit == b.unit && a.budget == b.budget && a.judged == b.judged;
}
/// The `nth` such point of a seed, counted from 0; null: there are not so many.
inline const played_point* same_point(const played_game& seed, const played_point& like, std::size_t nth) {
  for (const played_point& p : seed)
    if (same_attack(p, like) && nth-- == 0) return &p;
  return nullptr;
}

/// One game of every seed, and what each seed is measured by. Where a point decides for some seeds and not for others (a change
/// that breaks one network and not another), those count for which it does. Fails with attack.128 where a seed lacks an attack or a
/// budget that another has, or there is no point; attack.124.
inline judged_game judge_game(std::span<const played_game> seeds, std::span<const seed_terms> terms,
                              double chance, std::uint64_t seed) {
  if (seeds.empty() || seeds.front().empty() || seeds.size() != terms.size())
    fail("attack.128", "judge_game", "found ", seeds.size(), " seeds with terms of ", terms.size(),
         ", expected as many, and a point");
  // Every seed's points, those once that several have.
  std::vector<std::pair<const played_point*, std::size_t>> all;
  for (const played_game& points : seeds)
    for (const played_point& p : points) {
      std::size_t nth = 0;
      while (same_point(points, p, nth) != &p) ++nth;
      const bool known = std::any_of(
          all.begin(), all.end(), [&](const auto& a) { return a.second == nth && same_attack(*a.first, p); });
      if (!known) all.emplace_back(&p, nth);
    }
  judged_game judged;
  for (const auto& [first, nth] : all) {
    std::vector<std::pair<std::size_t, const played_point*>> found;
    for (std::size_t s = 0; s < seeds.size(); ++s) {
      const played_point* const p = same_point(seeds[s], *first, nth);
      if (p != nullptr) found.emplace_back(s, p);
      if ((p == nullptr && first->attack != best_of_all) ||
          (p != nullptr && p->measures.size() != first->measures.size()))
        fail("attack.128", "judge_game", "found other points under seed ", s,
             " than under another, expected ", first->attack, " with ", first->budget, " ", first->unit);
    }
    judged_point j{first->attack, first->unit, first->budget,
                   std::any_of(found.begin(), found.end(), [](const auto& f) { return f.second->decides; })};
    std::erase_if(found, [&](const auto& f) { return f.second->decides != j.decides; });
    for (const measure& m : first->measures) j.measures.push_back({m.name, 0});
    std::vector<gain_terms> gains;
    for (const auto& [s, p] : found) {
      gains.push_back({p->found, terms[s].open,
                       p->labelled > 0 && terms[s].floor ? terms[s].floor(p->labelled) : utility{}});
      j.worst = std::max(j.worst, p->found.most());
      for (std::size_t m = 0; m < j.measures.size(); ++m)
        j.measures[m].value += p->measures[m].value / static_cast<double>(found.size());
    }
    j.gain = estimate_gain(gains, chance, seed);
    judged.points.push_back(std::move(j));
  }
  bool any = false;
  for (std::size_t i = 0; i < judged.points.size(); ++i) {
    const judged_point& p = judged.points[i];
    if (!p.decides || !is_finite(p.gain.gain)) continue;
    if (!any || p.gain.gain > judged.points[judged.best].gain.gain) judged.best = i;
    any = true;
  }
  if (any) judged.verdict = judge(judged.points[judged.best].gain);
  return judged;
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
