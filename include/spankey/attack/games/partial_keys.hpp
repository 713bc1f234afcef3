// Game 3, no key and parts of one: a valid key at some sites and nothing, or a Gaussian key, at the others; a valid key whose strength
// is scaled; one whose sites are exchanged; one of which a share of the numbers is 0. What is left out says which sites carry the
// gate, and how much of a key somebody has to know.
//
// What has half of a valid key in it at the most decides; the rest is shown, and so is a valid key of another strength, which is as
// good as it was to whoever rescales keys.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "spankey/attack/game.hpp"

namespace spankey {

struct partial_keys {
  static constexpr int number = 3;
  static constexpr std::string_view title = "no key, part of a key";
  static constexpr knowledge knows = knowledge::nothing;
  static constexpr bool needs_keys = true;

  struct limits_type {
    std::vector<double> strengths = {0, 0.25, 0.5, 0.75, 1.25, 1.5, 1.75, 2};
    std::vector<double> missing = {0.1, 0.25, 0.5, 0.75, 0.9, 1};  // shares of a key's numbers
    std::size_t most_subsets = 64;                                 // of sites; all of up to six
  } limits;

  [[nodiscard]] static limits_type limits_at(attack_budget b) {
    limits_type l;
    if (b == attack_budget::quick) l.strengths = {0, 0.5, 2}, l.missing = {0.1, 0.5};
    return l;
  }

  void play(const gate_target& target, const point_listener& tell) const {
    tell({.attack = "no key",
          .unit = "sites with a key",
          .budget = 0,
          .answers = ask_keys(target.gate, target.judged, {})});
    const key_rows valid = draw_keys(*target.secret, nullptr, target.keys, target.seed);
    const invalid_rule gaussian{};
    const key_rows wrong = draw_keys(*target.secret, &gaussian, target.keys, target.seed);
    const std::vector<key_part> parts = parts_of(target.gate.sites());
    subsets(target, tell, parts, valid, wrong);
    exchanged(target, tell, parts, valid);
    for (const double strength : limits.strengths) {
      key_rows keys = valid;
      for (float& k : keys) k *= static_cast<float>(strength);
      tell({.attack = "strength",
            .unit = "times a valid key",
            .budget = strength,
            .decides = strength == 0,
            .answers = ask_keys(target.gate, target.judged, keys)});
    }
    for (const double share : limits.missing) {
      key_rows keys = valid;
      const random_source drawn(target.seed, stream::forgery, number);
      for (std::size_t i = 0; i < keys.size(); ++i)
        if (drawn.uniform(i) < share) keys[i] = 0;
      tell({.attack = "numbers left out",
            .unit = "share",
            .budget = share,
            .decides = share >= 0.5,
            .answers = ask_keys(target.gate, target.judged, keys)});
    }
  }

 private:
  void subsets(const gate_target& target, const point_listener& tell, const std::vector<key_part>& parts,
               const key_rows& valid, const key_rows& wrong) const {
    if (parts.size() < 2) return;
    const std::size_t all = std::size_t{1} << std::min<std::size_t>(parts.size(), 16);
    for (std::size_t chosen = 1; chosen + 1 < std::min(all, limits.most_subsets); ++chosen) {
      key_rows zeros(valid.size()), mixed = wrong;
      std::string sites;
      std::size_t count = 0;
      for (std::size_t s = 0; s < parts.size(); ++s) {
        if ((chosen >> s & 1) == 0) continue;
        ++count;
        sites += (sites.empty() ? "" : "+") + std::to_string(target.gate.sites()[s].number);
        copy_part(valid, parts, s, s, zeros), copy_part(valid, parts, s, s, mixed);
      }
      const bool decides = 2 * count <= parts.size();
      const auto budget = static_cast<double>(count);
      tell({.attack = "valid at " + sites + ", nothing elsewhere",
            .unit = "sites with a key",
            .budget = budget,
            .decides = decides,
            .answers = ask_keys(target.gate, target.judged, zeros)});
      tell({.attack = "valid at " + sites + ", Gaussian elsewhere",
            .unit = "sites with a key",
            .budget = budget,
            .decides = decides,
            .answers = ask_keys(target.gate, target.judged, mixed)});
    }
  }
  // Every site takes the next one's key, cut or repeated to its size.
  static void exchanged(const gate_target& target, const point_listener& tell,
                        const std::vector<key_part>& parts, const key_rows& valid) {
    if (parts.size() < 2) return;
    key_rows keys = valid;
    for (std::size_t s = 0; s < parts.size(); ++s) copy_part(valid, parts, (s + 1) % parts.size(), s, keys);
    tell({.attack = "sites exchanged",
          .unit = "sites with a key",
          .budget = static_cast<double>(parts.size()),
          .answers = ask_keys(target.gate, target.judged, keys)});
  }
  static void copy_part(const key_rows& from, const std::vector<key_part>& parts, std::size_t source,
                        std::size_t to_site, key_rows& to) {
    const index_t size = parts.back().first + parts.back().size;
    for (index_t row = 0; row < static_cast<index_t>(to.size()); row += size)
      for (index_t j = 0; j < parts[to_site].size; ++j)
        to[static_cast<std::size_t>(row + parts[to_site].first + j)] =
            from[static_cast<std::size_t>(row + parts[source].first + j % parts[source].size)];
  }
};

static_assert(Game<partial_keys>);

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
