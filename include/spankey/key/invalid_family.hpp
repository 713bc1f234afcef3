// Families of invalid keys: their names, what each is made of, and when a key space cannot have it.
//
// From noise g ~ N(0, I_d); a key space then rescales them to its key_std, as it does valid keys:
//   gaussian      g, ignoring the basis (the reference): its expected share of energy in the span is m/d
//   orthogonal    g, projected onto the orthogonal complement of the site's span: share 0
// From a valid key v of the same site, drawn for this and already rescaled; their size stays as it is here:
//   norm_matched  g |v| / |g|
//   angle         cos(a) v + sin(a) |v| w / |w|, w an orthogonal g: |v|, at `amount` a degrees to v and to the span
//   permuted      the elements of v in random order
//   sign_flipped  v with the signs of half of its elements changed
//   negated       -v
//   scaled        `amount` v
//   zero_mean     v with coefficients minus their mean, rescaled as v is
//   partial            v at some sites, nothing at the others
//   partial_gaussian   v at some sites, a Gaussian key at the others
//                 Some: at least one and not all; every sample draws which. A network that asks its key at one site
//                 alone lets these in. Also of a key that all sites share.
// From a valid key of elsewhere, rescaled there:
//   other_space   of the key space of the seed other_space_seed(seed), with this configuration and these sites
//   other_site    of the next site of the list (the first after the last): its first d elements in file order, or where
//                 it is shorter its elements over and over
// From nothing:
//   zero          every element 0
//   constant      every element `amount` key_std (`amount`, where keys are not rescaled)
// A new family is an enumerator, a row in the table, a case in origin_of and one in draw_invalid_keys (key/invalid.hpp).
// Source: docs/method.md, section 1.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "spankey/core/choice.hpp"
#include "spankey/core/compiled.hpp"
#include "spankey/key/key_space_config.hpp"

namespace spankey {

enum class invalid_family {
  gaussian,
  orthogonal,
  norm_matched,
  angle,
  permuted,
  sign_flipped,
  negated,
  scaled,
  zero_mean,
  partial,
  partial_gaussian,
  other_space,
  other_site,
  zero,
  constant
};

inline constexpr std::array<choice<invalid_family>, 15> invalid_names{
    {{"gaussian", invalid_family::gaussian},
     {"orthogonal", invalid_family::orthogonal},
     {"norm_matched", invalid_family::norm_matched},
     {"angle", invalid_family::angle},
     {"permuted", invalid_family::permuted},
     {"sign_flipped", invalid_family::sign_flipped},
     {"negated", invalid_family::negated},
     {"scaled", invalid_family::scaled},
     {"zero_mean", invalid_family::zero_mean},
     {"partial", invalid_family::partial},
     {"partial_gaussian", invalid_family::partial_gaussian},
     {"other_space", invalid_family::other_space},
     {"other_site", invalid_family::other_site},
     {"zero", invalid_family::zero},
     {"constant", invalid_family::constant}}};

/// Fails with key.104.
inline invalid_family parse_invalid(std::string_view name) {
  return choose(invalid_names, name, "key.104", "invalid keys");
}
constexpr std::string_view name_of(invalid_family family) { return spelled(invalid_names, family); }

/// What the keys of a family start from. A key space rescales those from noise, and only those.
enum class invalid_origin { noise, valid_key, other_space, other_site, nothing };

constexpr invalid_origin origin_of(invalid_family family) {
  switch (family) {
    case invalid_family::gaussian:
    case invalid_family::orthogonal:
      return invalid_origin::noise;
    case invalid_family::other_space:
      return invalid_origin::other_space;
    case invalid_family::other_site:
      return invalid_origin::other_site;
    case invalid_family::zero:
    case invalid_family::constant:
      return invalid_origin::nothing;
    default:
      return invalid_origin::valid_key;
  }
}

/// Valid at some sites, and at the others what rest_of says.
constexpr bool is_partial(invalid_family family) {
  return family == invalid_family::partial || family == invalid_family::partial_gaussian;
}
/// What a partial key has where it is not valid.
constexpr invalid_family rest_of(invalid_family partial) {
  return partial == invalid_family::partial ? invalid_family::zero : invalid_family::gaussian;
}

/// A family, with its one number where it has one: degrees of an angle, factor of scaled, level of constant.
struct invalid_rule {
  invalid_family family = invalid_family::gaussian;
  double amount = 0;

  constexpr invalid_rule() = default;
  /// 45 degrees, twice, level 1; 0 for families without a number.
  constexpr invalid_rule(invalid_family of)
      : invalid_rule(of, of == invalid_family::angle      ? 45
                         : of == invalid_family::scaled   ? 2
                         : of == invalid_family::constant ? 1
                                                          : 0) {}
  constexpr invalid_rule(invalid_family of, double number) : family(of), amount(number) {}
};

/// Seed of the key space that other_space keys belong to.
constexpr std::uint64_t other_space_seed(std::uint64_t seed) { return seed ^ 0xA0761D6478BD642FU; }

/// Fails with key.114 where the span is the whole space: nothing is orthogonal to it.
SPANKEY_INLINE void require_complement(index_t m, index_t d);

/// Every error that a rule can have in a key space: key.114 (see require_complement), key.118 no other site, key.119 the
/// key would be as good as a valid one, key.120 amount.
SPANKEY_INLINE void require_rule(const invalid_rule& rule, const key_space_config& config,
                                 std::span<const site> sites);
/// Whether that has nothing against it.
SPANKEY_INLINE bool can_have(const invalid_rule& rule, const key_space_config& config,
                             std::span<const site> sites);

}  // namespace spankey

#if !defined(SPANKEY_COMPILED)
#include "spankey/key/invalid_family.inl"
#endif
