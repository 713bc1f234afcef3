// What games say of keys that were found, forged or refused, beside what the network answers under them.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <span>
#include <vector>

#include "spankey/attack/answer_table.hpp"
#include "spankey/attack/attacked_gate.hpp"
#include "spankey/key/sampler.hpp"

namespace spankey {

/// The share of the rows that are answered right, and not refused, as often as `bound` or more.
inline double share_that_reaches(const answer_table& answers, double bound) {
  const std::vector<double> shares = answers.shares(figure::semantic);
  const auto count = std::count_if(shares.begin(), shares.end(), [&](double s) { return s >= bound; });
  return static_cast<double>(count) / static_cast<double>(shares.size());
}

/// The least angle of any of the keys to the span of any site, in degrees; 90 where all are 0.
inline double least_angle(const key_space& space, std::span<const float> keys) {
  const std::vector<key_part> parts = parts_of(space.sites());
  const index_t size = parts.back().first + parts.back().size;
  double most = 0;
  for (index_t at = 0; at < static_cast<index_t>(keys.size()); at += size)
    for (std::size_t s = 0; s < parts.size(); ++s)
      most = std::max(
          most, space.subspace_of(static_cast<index_t>(s)).energy_share(keys.data() + at + parts[s].first));
  return std::acos(std::sqrt(std::min(1.0, most))) * 180 / std::numbers::pi;
}

/// How well scores tell keys that should pass from those that should not.
struct separation {
  double area =
      0;  // under the curve of passing against false passing: P(a valid key's is higher), ties halved
  double equal_error = 0;    // where as many valid keys fail as invalid ones pass
  double false_accepts = 0;  // share of invalid keys that pass where at most 1 % of valid ones fail
};

/// Neither is empty.
inline separation separate(std::vector<double> valid, std::vector<double> invalid) {
  std::sort(valid.begin(), valid.end());
  std::sort(invalid.begin(), invalid.end());
  const auto share_from = [](const std::vector<double>& sorted, double bound) {
    return static_cast<double>(sorted.end() - std::lower_bound(sorted.begin(), sorted.end(), bound)) /
           static_cast<double>(sorted.size());
  };
  separation found;
  for (const double v : valid) {
    const auto [low, high] = std::equal_range(invalid.begin(), invalid.end(), v);
    found.area += static_cast<double>(low - invalid.begin()) + static_cast<double>(high - low) / 2;
  }
  found.area /= static_cast<double>(valid.size()) * static_cast<double>(invalid.size());
  // Thresholds that change anything are the scores themselves, and one above all of them.
  std::vector<double> bounds = valid;
  bounds.insert(bounds.end(), invalid.begin(), invalid.end());
  bounds.push_back(std::numeric_limits<double>::infinity());
  double closest = std::numeric_limits<double>::infinity();
  found.false_accepts = 1;
  for (const double bound : bounds) {
    const double rejected = 1 - share_from(valid, bound), accepted = share_from(invalid, bound);
    if (std::abs(rejected - accepted) < closest)
      closest = std::abs(rejected - accepted), found.equal_error = (rejected + accepted) / 2;
    if (rejected <= 0.01) found.false_accepts = std::min(found.false_accepts, accepted);
  }
  return found;
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
