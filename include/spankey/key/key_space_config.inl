// What key/key_space_config.hpp declares: every reason to refuse a key space.
#pragma once

#include <string>

#include "spankey/core/error.hpp"
#include "spankey/core/finite.hpp"
#include "spankey/key/key_space_config.hpp"

namespace spankey {

void require_key_space(const key_space_config& config, std::span<const site> sites) {
  if (sites.empty()) fail("key.108", "key space", "expected at least one site, found none");
  if (!is_finite(config.key_std) || config.key_std < 0) {
    fail("key.107", "key space", "expected a finite key_std of at least 0, found ", config.key_std);
  }
  const coefficient_law law = config.law();
  if (!is_finite(law.offset) || !is_finite(law.spread) || law.spread <= 0) {
    fail("key.117", "key space",
         "expected coefficients with a finite offset and a finite spread above 0, found ", law.offset,
         " and ", law.spread);
  }
  if (config.per_site_basis && !config.per_site_key) {
    fail("key.116", "key space", "per_site_basis needs per_site_key: one key cannot lie in several spans");
  }
  for (std::size_t i = 0; i < sites.size(); ++i) {
    const site& s = sites[i];
    const std::string where = "site " + std::to_string(s.number);
    if (s.number < 0) fail("key.110", where, "expected a site number of at least 0");
    if (s.shape.channels < 1 || s.shape.height < 1 || s.shape.width < 1) {
      fail("key.110", where, "expected positive extents, found C=", s.shape.channels, " H=", s.shape.height,
           " W=", s.shape.width);
    }
    for (std::size_t j = 0; j < i; ++j) {
      if (sites[j].number == s.number) fail("key.109", where, "listed twice");
    }
    require_dimensions(where, config.subspace_dim, s.shape.size());
    if (config.key_std > 0 && s.shape.size() < 2) {
      fail("key.111", where, "a key of one element has no standard deviation: expected key_std 0, found ",
           config.key_std);
    }
  }
}

}  // namespace spankey
