// What a key space is made from: its configuration and the injection sites, and every reason to refuse them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "spankey/core/compiled.hpp"
#include "spankey/core/shape.hpp"
#include "spankey/key/coefficients.hpp"
#include "spankey/key/rescale.hpp"
#include "spankey/key/site.hpp"
#include "spankey/key/subspace.hpp"

namespace spankey {

/// The reference's defaults.
struct key_space_config {
  index_t subspace_dim = 32;
  basis_kind basis = basis_kind::uniform;
  coefficient_kind coefficients = coefficient_kind::unit_cube;
  std::optional<double> offset{}, spread{};  // of the coefficients; those of default_law where absent
  rescale_kind rescale = rescale_kind::pooled;
  float key_std = 1;  // 0: keys are not rescaled
  bool per_site_key = false;
  bool per_site_basis = false;
  std::uint64_t seed = 0;

  [[nodiscard]] constexpr coefficient_law law() const {
    const coefficient_law usual = default_law(coefficients);
    return {coefficients, offset.value_or(usual.offset), spread.value_or(usual.spread)};
  }
};

/// Every error that a configuration and its sites can have, before any work: key.105 to key.111, key.116, key.117.
SPANKEY_INLINE void require_key_space(const key_space_config& config, std::span<const site> sites);

}  // namespace spankey

#if !defined(SPANKEY_COMPILED)
#include "spankey/key/key_space_config.inl"
#endif
