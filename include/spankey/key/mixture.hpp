// A mixture of invalid keys: each sample's family is drawn from a weighted list, so that one batch meets many kinds of
// wrong keys (which a gate that tests one direction, or one norm, does not survive).
//
// The rule of sample s is rule k with probability weight_k / sum of weights: a pure function of (source, s).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "spankey/core/error.hpp"
#include "spankey/core/finite.hpp"
#include "spankey/core/random.hpp"
#include "spankey/core/shape.hpp"
#include "spankey/key/invalid_family.hpp"

namespace spankey {

struct weighted_rule {
  invalid_rule rule{};
  double weight = 1;
};

/// Fails with key.121 unless every weight is finite and at least 0, and one is above it.
inline void require_mixture(std::span<const weighted_rule> mixture) {
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

/// Which rule of a mixture, that require_mixture let pass, a sample has. Number `base` + sample of the source decides.
inline std::size_t rule_of_sample(std::span<const weighted_rule> mixture, const random_source& source,
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
