// Keys of a batch at every site: k = alpha B, rescaled; and invalid keys of any family (key/invalid_family.hpp).
//
// Arrangements (d_l elements at site l, d the largest of them; prefixes are taken in file order):
//   shared key   neither flag: one key of d elements, site l takes its first d_l
//   own alpha    per_site_key: one basis of d columns, site l takes its first d_l columns and its own alpha
//   own basis    per_site_key and per_site_basis: B_l drawn with seed + site number, and its own alpha
// A shared key is rescaled as a whole, before prefixes are taken: the widest site sets the factor of all
// sites. Numbers of a site depend on (source, site number, sample) only, not on which other sites exist.
// Valid keys never exist unscaled: std(alpha B) comes from the Gram matrix of B, and alpha is scaled, not k.
// Outputs: n x d_l floats in memory order, overwritten, ready for injection. Source: docs/method.md, section 1.
#pragma once

#include <concepts>
#include <cstdint>
#include <span>
#include <vector>

#include "spankey/core/compiled.hpp"
#include "spankey/core/error.hpp"
#include "spankey/core/random.hpp"
#include "spankey/core/secret.hpp"
#include "spankey/core/shape.hpp"
#include "spankey/core/single_entry.hpp"
#include "spankey/key/invalid.hpp"
#include "spankey/key/key_space_config.hpp"
#include "spankey/key/mixture.hpp"
#include "spankey/key/subspace.hpp"

namespace spankey {

/// Draws valid and invalid keys for all of its sites; outputs[i] (n x d_i, memory order) belongs to
/// sites()[i].
template <class S>
concept KeySampler = requires(S& s, const random_source& source, index_t n, std::span<float* const> outputs) {
  { s.sites() } -> std::convertible_to<std::span<const site>>;
  s.draw_valid(source, n, outputs);
  s.draw_invalid(invalid_family::gaussian, source, n, outputs);
};

/// The secret. Not for several threads at once: the draws share scratch memory (and use all threads inside). In debug
/// builds a second thread that draws meanwhile fails with key.123; programs with more threads copy the key space.
class key_space {
 public:
  /// Draws the bases. Fails as require_key_space says.
  SPANKEY_INLINE key_space(const key_space_config& config, std::vector<site> sites);

  /// From loaded bases: one per site, m x d_l in file order. Fails as require_key_space says, and with
  /// key.112 (wrong number or size; a basis that is not the prefix of the widest one where the arrangement
  /// shares it) or key.113 (rows that span fewer than m dimensions).
  SPANKEY_INLINE key_space(const key_space_config& config, std::vector<site> sites,
                           std::span<const std::span<const float>> bases);

  [[nodiscard]] const key_space_config& config() const { return config_; }
  [[nodiscard]] std::span<const site> sites() const { return sites_; }
  /// Subspace of sites()[i]; its basis_in_file_order() is what a file holds.
  [[nodiscard]] const subspace& subspace_of(index_t i) const { return spans_[static_cast<std::size_t>(i)]; }

  /// The first random number of sites()[i].
  [[nodiscard]] std::uint64_t number_base(std::size_t i) const {
    return config_.per_site_key ? static_cast<std::uint64_t>(sites_[i].number) << 40 : 0;
  }
  /// The site whose key is rescaled as a whole: site i takes it, or its prefix.
  [[nodiscard]] std::size_t whole(std::size_t i) const { return config_.per_site_key ? i : widest_; }

  /// n >= 1 valid keys per site (one per sample in training, n = 1 for one evaluation key). Fails with
  /// key.115.
  void draw_valid(const random_source& source, index_t n, std::span<float* const> outputs) {
    const single_entry::pass alone(entry_);
    require_alone(alone);
    valid_keys(source, n, outputs);
  }

  /// n >= 1 invalid keys per site. Fails as require_rule says, and with key.115. With a shared key the sites share one
  /// Gaussian vector, and valid keys are prefixes of one; what a family makes of its part, each site makes on its own.
  /// The first draw of other_space or other_site keys makes their bases.
  void draw_invalid(const invalid_rule& rule, const random_source& source, index_t n,
                    std::span<float* const> outputs) {
    const single_entry::pass alone(entry_);
    require_alone(alone);
    invalid_keys(rule, source, n, outputs);
  }

  /// n >= 1 invalid keys per site, each of its own family (key/mixture.hpp): key s is what draw_invalid with its rule
  /// gives for sample s on its own, so each has a standard deviation of its own. Fails as draw_invalid and
  /// require_mixture.
  void draw_invalid_mixture(std::span<const weighted_rule> mixture, const random_source& source, index_t n,
                            std::span<float* const> outputs) {
    const single_entry::pass alone(entry_);
    require_alone(alone);
    mixed_keys(mixture, source, n, outputs);
  }

 private:
  // What the draws of the same names do, for one thread at a time.
  SPANKEY_INLINE void valid_keys(const random_source& source, index_t n, std::span<float* const> outputs);
  SPANKEY_INLINE void invalid_keys(const invalid_rule& rule, const random_source& source, index_t n,
                                   std::span<float* const> outputs);
  SPANKEY_INLINE void mixed_keys(std::span<const weighted_rule> mixture, const random_source& source,
                                 index_t n, std::span<float* const> outputs);

  SPANKEY_INLINE void prepare();

  // Asked where the program is compiled: a debug build of one looks, however the library was built.
  static void require_alone(const single_entry::pass& pass) {
    if (!pass)
      fail("key.123", "key space",
           "found another thread drawing from it, expected one at a time; give each a copy");
  }

  // Grown once per largest n; everything is checked before anything is written.
  SPANKEY_INLINE void reserve(index_t n, std::span<float* const> outputs);

  // Sites draw 2^40 numbers apart, of which an invalid key's noise, the order of its elements and the coefficients of
  // its valid key have their own: a batch of 4 million keys of 65536 elements fits between.
  static constexpr std::uint64_t order_numbers = std::uint64_t{1} << 38;
  static constexpr std::uint64_t valid_numbers = std::uint64_t{1} << 39;
  static constexpr std::uint64_t part_numbers = std::uint64_t{1} << 62;
  static constexpr std::uint64_t mixture_numbers = std::uint64_t{1} << 63;
  [[nodiscard]] std::size_t next(std::size_t i) const { return (i + 1) % sites_.size(); }

  [[nodiscard]] SPANKEY_INLINE std::vector<subspace> drawn_spans(std::uint64_t seed) const;

  // Spans of the next site's keys, cut or repeated in file order to the size of each site.
  [[nodiscard]] SPANKEY_INLINE std::vector<subspace> repeated_spans() const;

  // Invalid keys of the selected samples at every site.
  SPANKEY_INLINE void draw_rows(const invalid_rule& rule, const random_source& source,
                                const row_selection& rows, rescale_kind rescale,
                                std::span<float* const> outputs);

  // The same of a partial family: every sample has a valid key at some sites, and not at all.
  SPANKEY_INLINE void draw_parts(const invalid_rule& rule, const random_source& source,
                                 const row_selection& rows, rescale_kind rescale,
                                 std::span<float* const> outputs);
  // Whether a sample of a partial family has a valid key at site i: at one site it has, at another not, and at the rest
  // a coin decides.
  [[nodiscard]] bool has_part(const random_source& source, index_t sample, std::size_t i) const {
    const std::size_t count = sites_.size();
    const std::uint64_t first = part_numbers + static_cast<std::uint64_t>(sample) * (count + 2);
    const std::size_t with = source.below(first, static_cast<std::uint32_t>(count));
    const std::size_t without =
        (with + 1 + source.below(first + 1, static_cast<std::uint32_t>(count - 1))) % count;
    return i == with || (i != without && source.below(first + 2 + i, 2) == 1);
  }

  // Keys of one site; noise is not rescaled yet.
  SPANKEY_INLINE void draw_at_site(const invalid_rule& rule, std::size_t i, const random_source& source,
                                   const row_selection& rows, rescale_kind rescale, float* out);
  // What site i's noise must be multiplied by, and that.
  SPANKEY_INLINE void find_noise_factors(std::size_t i, const row_selection& rows, rescale_kind rescale,
                                         const float* noise);
  SPANKEY_INLINE void scale_noise(std::size_t i, const row_selection& rows, float* noise);

  // alpha_ = coefficients of the selected samples, scaled so that alpha B has the standard deviation asked for in `span`.
  SPANKEY_INLINE void draw_scaled(const subspace& span, const random_source& source, std::uint64_t base,
                                  const row_selection& rows, rescale_kind rescale, bool without_mean = false);

  key_space_config config_;
  std::vector<site> sites_;
  std::size_t widest_ = 0;
  std::vector<subspace> spans_, other_space_, other_site_;
  secret_vector<float> alpha_;
  key_scratch scratch_;
  std::vector<index_t> rows_, part_rows_;
  std::vector<std::size_t> chosen_;
  single_entry entry_;
};

static_assert(KeySampler<key_space>);

}  // namespace spankey

#if !defined(SPANKEY_COMPILED)
#include "spankey/key/sampler.inl"
#endif
