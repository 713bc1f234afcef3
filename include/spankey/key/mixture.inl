// What key/mixture.hpp declares.
#pragma once

#include "spankey/core/error.hpp"
#include "spankey/core/finite.hpp"
#include "spankey/key/mixture.hpp"

namespace spankey {

void require_mixture(std::span<const weighted_rule> mixture) {
  double total = 0;
  for (const weighted_rule& w : mixture) {
    if (!is_finite(w.weight) || w.weight < 0) {
      fail("key.121", "invalid keys", "expected finite weights of at least 0, found ", w.weight, " for ",
           name_of(w.rule.family));
    }
    total += w.weight;
  }
  if (!(total > 0)) fail("key.121", "invalid keys", "expected a mixture with a weight above 0, found none");
}

std::size_t rule_of_sample(std::span<const weighted_rule> mixture, const random_source& source,
                           std::uint64_t base, index_t sample) {
  double total = 0;
  for (const weighted_rule& w : mixture) total += w.weight;
  double left = total * source.uniform(base + static_cast<std::uint64_t>(sample));
  std::size_t last = 0;
  for (std::size_t k = 0; k < mixture.size(); ++k) {
    if (mixture[k].weight == 0) continue;
    if (left < mixture[k].weight) return k;
    left -= mixture[k].weight;
    last = k;  // rounding may leave the last weight a little short
  }
  return last;
}

}  // namespace spankey
