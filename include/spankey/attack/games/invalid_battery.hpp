// Game 2, battery of invalid keys: every family that the key space has, keys turned out of the span by every angle, and valid keys
// that are scaled. Nothing is searched for: how many of the keys are let in, and how far from the span a key has to be.
//
// Of every family `judged` is what an attacker has who ignores the refusal; keys that are valid ones but for their size, and keys at
// an angle, decide nothing: a smooth network cannot refuse what lies beside the span (docs/gate_study.md).
// Measures: `accepted`, the share of answers that are no refusal; `area`, `equal error`, `false accepts` of the shares of right answers
// against those of valid keys (key_measures.hpp); of the angles `half accepted at`, the angle where half as many answers are given.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "spankey/attack/game.hpp"
#include "spankey/attack/games/key_measures.hpp"
#include "spankey/core/error.hpp"
#include "spankey/key/invalid_family.hpp"

namespace spankey {

struct invalid_battery {
  static constexpr int number = 2;
  static constexpr std::string_view title = "battery of invalid keys";
  static constexpr knowledge knows = knowledge::nothing;
  static constexpr bool needs_keys = true;

  struct limits_type {
    std::vector<invalid_rule> families = {
        invalid_family::gaussian,   invalid_family::orthogonal,   invalid_family::norm_matched,
        invalid_family::permuted,   invalid_family::sign_flipped, invalid_family::other_space,
        invalid_family::other_site, invalid_family::zero,         invalid_family::constant};
    double angle_step = 5;                                 // degrees
    std::vector<double> factors = {0.1, 0.25, 0.5, 2, 4};  // of a valid key's size
  } limits;

  [[nodiscard]] static limits_type limits_at(attack_budget b) {
    limits_type l;
    l.angle_step = at_budget(b, 15.0, 5.0, 5.0);
    return l;
  }

  /// Families that the key space cannot have are left out.
  void play(const gate_target& target, const point_listener& tell) const {
    const answer_table valid = target.answers_to(nullptr);
    const std::vector<double> rights = valid.shares(figure::semantic);
    const auto tell_of = [&](const std::string& name, const invalid_rule& rule, const std::string& unit,
                             double budget, bool decides) {
      attack_point point{.attack = name,
                         .unit = unit,
                         .budget = budget,
                         .decides = decides,
                         .answers = target.answers_to(&rule)};
      const separation found = separate(rights, point.answers.shares(figure::semantic));
      point.measures = {{"accepted", accepted(point.answers)},
                        {"area", found.area},
                        {"equal error", found.equal_error},
                        {"false accepts", found.false_accepts}};
      const double share = point.measures.front().value;
      tell(std::move(point));
      return share;
    };
    for (const invalid_rule& rule : limits.families)
      if (can_draw(*target.secret, rule))
        tell_of(std::string(name_of(rule.family)), rule, "keys", static_cast<double>(target.keys), true);
    for (const double factor : limits.factors)
      if (can_draw(*target.secret, {invalid_family::scaled, factor}))
        tell_of("scaled", {invalid_family::scaled, factor}, "times a valid key", factor, false);

    double before = accepted(valid), angle_before = 0;
    const double half = before / 2;
    std::optional<double> crossing;
    for (double angle = limits.angle_step; angle <= 90; angle += limits.angle_step) {
      const invalid_rule rule{invalid_family::angle, angle};
      if (!can_draw(*target.secret, rule)) break;
      const double now = tell_of("angle", rule, "degrees", angle, false);
      if (!crossing && now < half && before >= half)
        crossing = angle_before + (angle - angle_before) * (before - half) / (before - now);
      before = now, angle_before = angle;
    }
    tell({.attack = "valid keys",
          .unit = "keys",
          .budget = static_cast<double>(target.keys),
          .judged = figure::semantic,
          .decides = false,
          .answers = valid,
          .measures = {{"accepted", accepted(valid)}, {"half accepted at", crossing.value_or(90)}}});
  }

 private:
  static double accepted(const answer_table& answers) { return 1 - mean_of(answers.shares(figure::reject)); }
  static bool can_draw(const key_space& space, const invalid_rule& rule) {
    return can_have(rule, space.config(), space.sites());
  }
};

static_assert(Game<invalid_battery>);

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
