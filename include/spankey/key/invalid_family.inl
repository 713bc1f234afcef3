// What key/invalid_family.hpp declares: every reason to refuse a rule.
#pragma once

#include "spankey/core/error.hpp"
#include "spankey/core/finite.hpp"
#include "spankey/key/invalid_family.hpp"

namespace spankey {

template <class Refuse>
void look_for_complement(index_t m, index_t d, const Refuse& refuse) {
  if (m >= d)
    refuse("key.114", "orthogonal noise needs m < d: a span of dimension ", m, " in ", d,
           " elements leaves no complement");
}

// Calls refuse(id, text...) for what is wrong with a rule; goes on where that returns.
template <class Refuse>
void look_for_faults(const invalid_rule& rule, const key_space_config& config, std::span<const site> sites,
                     const Refuse& refuse) {
  const double amount = rule.amount;
  const auto wrong_amount = [&](std::string_view expected) {
    refuse("key.120", name_of(rule.family), " needs ", expected, ", found ", amount);
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
  if (rule.family == invalid_family::orthogonal || rule.family == invalid_family::angle)
    for (const site& s : sites) look_for_complement(config.subspace_dim, s.shape.size(), refuse);
  if (rule.family == invalid_family::other_site && (sites.size() < 2 || !config.per_site_basis)) {
    refuse("key.118",
           "other_site needs two sites with bases of their own (per_site_basis): on a shared basis the first "
           "elements of another site's key are valid");
  }
  if (is_partial(rule.family) && sites.size() < 2)
    refuse("key.118", name_of(rule.family), " needs two sites: a key of one site has no parts");
  const bool moves_the_mean = rule.family == invalid_family::negated ||
                              rule.family == invalid_family::scaled ||
                              rule.family == invalid_family::zero_mean;
  if (moves_the_mean && config.law().offset == 0) {
    refuse(
        "key.119", name_of(rule.family),
        " needs coefficients with an offset, as unit_cube has: others are as good as valid ones afterwards");
  }
  if (rule.family == invalid_family::zero_mean && config.subspace_dim < 2)
    refuse("key.119", "zero_mean needs m >= 2: one coefficient is its own mean");
}

inline constexpr auto fail_for_rule = [](std::string_view id, const auto&... text) {
  fail(id, "invalid keys", text...);
};

void require_complement(index_t m, index_t d) { look_for_complement(m, d, fail_for_rule); }

void require_rule(const invalid_rule& rule, const key_space_config& config, std::span<const site> sites) {
  look_for_faults(rule, config, sites, fail_for_rule);
}

bool can_have(const invalid_rule& rule, const key_space_config& config, std::span<const site> sites) {
  bool can = true;
  look_for_faults(rule, config, sites, [&](const auto&...) { can = false; });
  return can;
}

}  // namespace spankey
