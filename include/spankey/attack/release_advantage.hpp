// What a game about releases (attack/release_games.hpp) comes to.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "spankey/core/shape.hpp"

namespace spankey {

inline constexpr std::array<std::string_view, 4> release_game_names = {"PE", "FE", "RI", "FT"};

/// What one of FE's attackers came to, means over the seeds.
struct release_strategy {
  std::string name;
  double wins = 0, kl = 0, share = 0;  // share: of the protected entries within 1 %, as PE counts them
};

struct release_advantage {
  std::string scheme, game;
  double advantage = 0, low = 0, high = 0;
  double with = 0,
         without = 0;  // PE, FE: shares won; RI: b' = b; FT: U with the release, and the better without
  index_t trials = 0;
  double found = 0;                               // mean: PE share of entries, FE KL, RI and FT as `with`
  std::vector<release_strategy> strategies = {};  // FE's, the last one without the release
};

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
