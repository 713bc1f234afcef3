// What an attack gained of what there was to gain, and how sure that is.
//
//   G = (U_attack - U_floor) / (U_open - U_floor)      U: shares of right answers; U_floor: chance, or what the same budget
//                                                       reaches without the network, whichever is more
// The interval is a bootstrap over seeds, keys and samples at once: seeds are drawn with replacement, of each its rows, of all
// the same columns; a mean over rows and columns that were drawn is taken as the sum of what the draws of either change (the
// pigeonhole bootstrap of Owen, 2007, without its cross term), so that marginal sums are enough.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "spankey/attack/answer_table.hpp"
#include "spankey/core/error.hpp"
#include "spankey/core/finite.hpp"
#include "spankey/core/random.hpp"

namespace spankey {

/// Shares of right answers of one seed: by row (key, or training) and by column (sample).
struct utility {
  std::vector<double> rows, columns;

  [[nodiscard]] double mean() const { return mean_of(rows); }
  [[nodiscard]] double least() const { return *std::min_element(rows.begin(), rows.end()); }
  [[nodiscard]] double most() const { return *std::max_element(rows.begin(), rows.end()); }
};

/// Of a table with at least one row.
inline utility utility_of(const answer_table& table, figure f) {
  utility found{table.shares(f), std::vector<double>(static_cast<std::size_t>(table.columns))};
  for (index_t c = 0; c < table.columns; ++c)
    for (index_t r = 0; r < table.rows(); ++r)
      found.columns[static_cast<std::size_t>(c)] +=
          table.hit(r, c, f) ? 1.0 / static_cast<double>(table.rows()) : 0.0;
  return found;
}

/// The network is open: U_open, of the same samples as `attack`; `floor` is empty where chance is.
struct gain_terms {
  utility attack, open, floor;
};

struct gain_estimate {
  double gain = 0, low = 0, high = 0;      // with a 95 % interval
  double attack = 0, open = 0, floor = 0;  // means over the seeds
};

/// Nothing to gain: of an open network that does no better than its floor, G is no number.
[[nodiscard]] inline double gain_of(double attack, double open, double floor) {
  return open > floor ? (attack - floor) / (open - floor) : std::nan("");
}

/// One term a seed. Fails with attack.124 without any, and for tables of different samples.
inline gain_estimate estimate_gain(std::span<const gain_terms> seeds, double chance, std::uint64_t seed,
                                   index_t draws = 1000) {
  if (seeds.empty()) fail("attack.124", "estimate_gain", "found no results to estimate a gain of");
  const std::size_t columns = seeds.front().attack.columns.size();
  for (const gain_terms& t : seeds)
    for (const utility* u : {&t.attack, &t.open, &t.floor})
      if (!u->rows.empty() && u->columns.size() != columns)
        fail("attack.124", "estimate_gain", "found results over ", u->columns.size(),
             " samples beside others over ", columns);

  gain_estimate found;
  const auto count = static_cast<double>(seeds.size());
  for (const gain_terms& t : seeds) {
    found.attack += t.attack.mean() / count;
    found.open += t.open.mean() / count;
    found.floor += std::max(chance, t.floor.rows.empty() ? 0 : t.floor.mean()) / count;
  }
  found.gain = gain_of(found.attack, found.open, found.floor);

  std::vector<double> gains;
  std::vector<std::size_t> drawn_columns(columns);
  for (index_t draw = 0; draw < draws; ++draw) {
    const random_source random(seed, stream::bootstrap, static_cast<std::uint64_t>(draw));
    std::uint64_t next = 0;
    const auto below = [&](std::size_t n) {
      return std::size_t{random.below(next++, static_cast<std::uint32_t>(n))};
    };
    for (std::size_t& c : drawn_columns) c = below(columns);
    const auto mean_of_draw = [&](const utility& u) {
      double of_rows = 0, of_columns = 0;
      for (std::size_t i = 0; i < u.rows.size(); ++i) of_rows += u.rows[below(u.rows.size())];
      for (const std::size_t c : drawn_columns) of_columns += u.columns[c];
      return of_rows / static_cast<double>(u.rows.size()) + of_columns / static_cast<double>(columns) -
             u.mean();
    };
    double attack = 0, open = 0, floor = 0;
    for (std::size_t s = 0; s < seeds.size(); ++s) {
      const gain_terms& t = seeds[below(seeds.size())];
      attack += mean_of_draw(t.attack), open += mean_of_draw(t.open);
      floor += std::max(chance, t.floor.rows.empty() ? 0 : mean_of_draw(t.floor));
    }
    const double gain = gain_of(attack, open, floor);
    if (is_finite(gain)) gains.push_back(gain);
  }
  found.low = found.high = std::nan("");
  if (gains.empty()) return found;
  std::sort(gains.begin(), gains.end());
  const auto at = [&](double share) {
    return gains[static_cast<std::size_t>(share * static_cast<double>(gains.size() - 1) + 0.5)];
  };
  found.low = std::min(at(0.025), found.gain), found.high = std::max(at(0.975), found.gain);
  return found;
}

/// A gate loses a game where more than this can be gained.
inline constexpr double allowed_gain = 0.1;

enum class verdict_of_game { held, lost, not_decided };

/// Lost and held are what the whole interval says.
[[nodiscard]] inline verdict_of_game judge(const gain_estimate& g) {
  if (g.low > allowed_gain) return verdict_of_game::lost;
  return g.high <= allowed_gain ? verdict_of_game::held : verdict_of_game::not_decided;
}

/// 95 % upper bound of a share of which none of n was seen (the rule of three).
[[nodiscard]] constexpr double at_most_of_none(index_t n) { return n > 0 ? 3 / static_cast<double>(n) : 1; }

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
