// What key/invalid_family.hpp declares: every reason to refuse a rule.
#pragma once

#include "spankey/core/error.hpp"
#include "spankey/core/finite.hpp"
#include "spankey/key/invalid_family.hpp"

namespace spankey {

void require_complement(index_t m, index_t d) {
  if (m < d) return;
  fail("key.114", "invalid keys", "orthogonal noise needs m < d: a span of dimension ", m, " in ", d,
       " elements leaves no complement");
}

void require_rule(const invalid_rule& rule, const key_space_config& config, std::span<const site> sites) {
  const double amount = rule.amount;
  const auto wrong_amount = [&](std::string_view expected) {
    fail("key.120", "invalid keys", name_of(rule.family), " needs ", expected, ", found ", amount);
  };
  switch (rule.family) {
    case invalid_family::angle:
      if (!(amount > 0 && amount <= 180)) wrong_amount("an angle above 0 and up to 180 degrees");
      break;
    case invalid_family::scaled:
      if (!is_finite(amount) || amount == 0 || amount == 1) wrong_amount("a finite factor but 0 and 1");
      break;
    case invalid_family::constant:
      if (!is_finite(amount) || amount == 0) wrong_amount("a finite level but 0");
      break;
    default:
      if (amount != 0) wrong_amount("no number");
  }
  if (rule.family == invalid_family::orthogonal || rule.family == invalid_family::angle) {
    for (const site& s : sites) require_complement(config.subspace_dim, s.shape.size());
  }
  if (rule.family == invalid_family::other_site && (sites.size() < 2 || !config.per_site_basis)) {
    fail("key.118", "invalid keys",
         "other_site needs two sites with bases of their own (per_site_basis): on a shared basis the first "
         "elements of another site's key are valid");
  }
  const bool moves_the_mean = rule.family == invalid_family::negated ||
                              rule.family == invalid_family::scaled ||
                              rule.family == invalid_family::zero_mean;
  if (moves_the_mean && config.law().offset == 0) {
    fail("key.119", "invalid keys", name_of(rule.family),
         " needs coefficients with an offset, as unit_cube has: others are as good as valid ones afterwards");
  }
  if (rule.family == invalid_family::zero_mean && config.subspace_dim < 2)
    fail("key.119", "invalid keys", "zero_mean needs m >= 2: one coefficient is its own mean");
}

}  // namespace spankey
