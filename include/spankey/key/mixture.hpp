// A mixture of invalid keys: each sample's family is drawn from a weighted list, so that one batch meets many kinds of
// wrong keys (which a gate that tests one direction, or one norm, does not survive).
//
// The rule of sample s is rule k with probability weight_k / sum of weights: a pure function of (source, s).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "spankey/core/compiled.hpp"
#include "spankey/core/random.hpp"
#include "spankey/core/shape.hpp"
#include "spankey/key/invalid_family.hpp"

namespace spankey {

struct weighted_rule {
  invalid_rule rule{};
  double weight = 1;
};

/// Fails with key.121 unless every weight is finite and at least 0, and one is above it.
SPANKEY_INLINE void require_mixture(std::span<const weighted_rule> mixture);

/// Which rule of a mixture, that require_mixture let pass, a sample has. Number `base` + sample of the source decides.
SPANKEY_INLINE std::size_t rule_of_sample(std::span<const weighted_rule> mixture, const random_source& source,
                                          std::uint64_t base, index_t sample);

}  // namespace spankey

#if !defined(SPANKEY_COMPILED)
#include "spankey/key/mixture.inl"
#endif
