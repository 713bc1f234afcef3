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

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "spankey/core/error.hpp"
#include "spankey/core/random.hpp"
#include "spankey/core/secret.hpp"
#include "spankey/core/shape.hpp"
#include "spankey/core/single_entry.hpp"
#include "spankey/key/coefficients.hpp"
#include "spankey/key/invalid.hpp"
#include "spankey/key/key_space_config.hpp"
#include "spankey/key/mixture.hpp"
#include "spankey/key/rescale.hpp"
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
  key_space(const key_space_config& config, std::vector<site> sites)
      : config_(config), sites_(std::move(sites)) {
    prepare();
    spans_ = drawn_spans(config.seed);
  }

  /// From loaded bases: one per site, m x d_l in file order. Fails as require_key_space says, and with
  /// key.112 (wrong number or size; a basis that is not the prefix of the widest one where the arrangement
  /// shares it) or key.113 (rows that span fewer than m dimensions).
  key_space(const key_space_config& config, std::vector<site> sites,
            std::span<const std::span<const float>> bases)
      : config_(config), sites_(std::move(sites)) {
    prepare();
    if (bases.size() != sites_.size()) {
      fail("key.112", "key space", "expected ", sites_.size(), " bases, one per site, found ", bases.size());
    }
    const index_t m = config.subspace_dim;
    spans_.reserve(sites_.size());
    for (std::size_t i = 0; i < sites_.size(); ++i) {
      const index_t expected = m * sites_[i].shape.size(), found = static_cast<index_t>(bases[i].size());
      if (found != expected) {
        fail("key.112", "basis of site " + std::to_string(sites_[i].number), "expected m x d = ", expected,
             " elements, found ", found);
      }
    }
    for (std::size_t i = 0; i < sites_.size(); ++i) {
      const index_t d = sites_[i].shape.size(), wide = sites_[widest_].shape.size();
      for (index_t row = 0; row < m && !config.per_site_basis; ++row) {
        const float* const own = bases[i].data() + row * d;
        if (!std::equal(own, own + d, bases[widest_].data() + row * wide)) {
          fail("key.112", "basis of site " + std::to_string(sites_[i].number),
               "expected the first columns of the basis of site ", sites_[widest_].number,
               ", found others in row ", row);
        }
      }
      spans_.emplace_back(sites_[i].shape, m, bases[i].data(), d);
    }
  }

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
    reserve(n, outputs);
    for (std::size_t i = 0; i < sites_.size(); ++i) {
      if (i == 0 || config_.per_site_key)
        draw_scaled(spans_[whole(i)], source, number_base(i), n, config_.rescale);
      spans_[i].combine(alpha_.data(), n, outputs[i]);
    }
  }

  /// n >= 1 invalid keys per site. Fails as require_rule says, and with key.115. With a shared key the sites share one
  /// Gaussian vector, and valid keys are prefixes of one; what a family makes of its part, each site makes on its own.
  /// The first draw of other_space or other_site keys makes their bases.
  void draw_invalid(const invalid_rule& rule, const random_source& source, index_t n,
                    std::span<float* const> outputs) {
    require_rule(rule, config_, sites_);
    const single_entry::pass alone(entry_);
    require_alone(alone);
    reserve(n, outputs);
    draw_rows(rule, source, n, config_.rescale, outputs);
  }

  /// n >= 1 invalid keys per site, each of its own family (key/mixture.hpp): key s is what draw_invalid with its rule
  /// gives for sample s on its own, so each has a standard deviation of its own. Fails as draw_invalid and
  /// require_mixture.
  void draw_invalid_mixture(std::span<const weighted_rule> mixture, const random_source& source, index_t n,
                            std::span<float* const> outputs) {
    require_mixture(mixture);
    for (const weighted_rule& w : mixture) require_rule(w.rule, config_, sites_);
    const single_entry::pass alone(entry_);
    require_alone(alone);
    reserve(n, outputs);
    scratch_.reserve(n, spans_[widest_]);
    chosen_.clear();
    for (index_t s = 0; s < n; ++s) chosen_.push_back(rule_of_sample(mixture, source, mixture_numbers, s));
    for (std::size_t k = 0; k < mixture.size(); ++k) {
      rows_.clear();
      for (index_t s = 0; s < n; ++s) {
        if (chosen_[static_cast<std::size_t>(s)] == k) rows_.push_back(s);
      }
      if (rows_.empty()) continue;
      draw_rows(mixture[k].rule, source, std::span<const index_t>(rows_), rescale_kind::per_key, outputs);
    }
  }

 private:
  void prepare() {
    require_key_space(config_, sites_);
    const auto smaller = [](const site& a, const site& b) { return a.shape.size() < b.shape.size(); };
    widest_ =
        static_cast<std::size_t>(std::max_element(sites_.begin(), sites_.end(), smaller) - sites_.begin());
  }

  static void require_alone(const single_entry::pass& pass) {
    if (!pass)
      fail("key.123", "key space",
           "found another thread drawing from it, expected one at a time; give each a copy");
  }

  // Grown once per largest n; everything is checked before anything is written.
  void reserve(index_t n, std::span<float* const> outputs) {
    if (n < 1) fail("key.115", "key space", "expected at least one key to draw, found n=", n);
    if (outputs.size() != sites_.size()) {
      fail("key.115", "key space", "expected ", sites_.size(), " outputs, one per site, found ",
           outputs.size());
    }
    const auto rows = static_cast<std::size_t>(n);
    if (rows <= scratch_.factors.size()) return;
    alpha_.resize(rows * static_cast<std::size_t>(config_.subspace_dim));
    scratch_.reserve(n);
    rows_.reserve(rows);
    chosen_.reserve(rows);
  }

  // Sites draw 2^40 numbers apart, of which an invalid key's noise, the order of its elements and the coefficients of
  // its valid key have their own: a batch of 4 million keys of 65536 elements fits between.
  static constexpr std::uint64_t order_numbers = std::uint64_t{1} << 38;
  static constexpr std::uint64_t valid_numbers = std::uint64_t{1} << 39;
  static constexpr std::uint64_t mixture_numbers = std::uint64_t{1} << 63;
  [[nodiscard]] std::size_t next(std::size_t i) const { return (i + 1) % sites_.size(); }

  [[nodiscard]] std::vector<subspace> drawn_spans(std::uint64_t seed) const {
    const index_t m = config_.subspace_dim;
    std::vector<subspace> spans;
    spans.reserve(sites_.size());
    if (config_.per_site_basis) {
      for (const site& s : sites_) {
        const random_source source(seed + static_cast<std::uint64_t>(s.number), stream::basis);
        spans.emplace_back(s.shape, m, draw_basis(config_.basis, m, s.shape.size(), source));
      }
    } else {
      const index_t d = sites_[widest_].shape.size();
      const auto rows = draw_basis(config_.basis, m, d, random_source(seed, stream::basis));
      for (const site& s : sites_) spans.emplace_back(s.shape, m, rows.data(), d);
    }
    return spans;
  }

  // Spans of the next site's keys, cut or repeated in file order to the size of each site.
  [[nodiscard]] std::vector<subspace> repeated_spans() const {
    const index_t m = config_.subspace_dim;
    std::vector<subspace> spans;
    spans.reserve(sites_.size());
    for (std::size_t i = 0; i < sites_.size(); ++i) {
      const index_t d = spans_[i].size(), from = spans_[next(i)].size();
      const auto rows = spans_[next(i)].basis_in_file_order();
      secret_vector<float> repeated(static_cast<std::size_t>(m * d));
      for (index_t j = 0; j < m; ++j) {
        for (index_t f = 0; f < d; ++f) {
          repeated[static_cast<std::size_t>(j * d + f)] = rows[static_cast<std::size_t>(j * from + f % from)];
        }
      }
      spans.emplace_back(sites_[i].shape, m, repeated);
    }
    return spans;
  }

  // Invalid keys of the selected samples at every site.
  void draw_rows(const invalid_rule& rule, const random_source& source, const row_selection& rows,
                 rescale_kind rescale, std::span<float* const> outputs) {
    const invalid_origin origin = origin_of(rule.family);
    if (origin == invalid_origin::other_space && other_space_.empty())
      other_space_ = drawn_spans(other_space_seed(config_.seed));
    if (origin == invalid_origin::other_site && other_site_.empty()) other_site_ = repeated_spans();
    const auto& valid = origin == invalid_origin::other_space  ? other_space_
                        : origin == invalid_origin::other_site ? other_site_
                                                               : spans_;
    for (std::size_t i = 0; i < sites_.size(); ++i) {
      if (origin != invalid_origin::noise && origin != invalid_origin::nothing) {
        const std::size_t from = origin == invalid_origin::other_site ? next(i) : i;
        const auto& scaled_in = origin == invalid_origin::other_space ? other_space_ : spans_;
        draw_scaled(scaled_in[whole(from)], source, number_base(from) + valid_numbers, rows, rescale,
                    rule.family == invalid_family::zero_mean);
      }
      const number_range noise{number_base(i), spans_[whole(i)].size()};
      draw_invalid_keys(rule,
                        {.span = spans_[i],
                         .valid_span = valid[i],
                         .coefficients = alpha_.data(),
                         .key_std = config_.key_std,
                         .source = source,
                         .noise = noise,
                         .order = {noise.base + order_numbers, noise.row},
                         .rows = rows,
                         .scratch = scratch_},
                        outputs[i]);
    }
    if (origin != invalid_origin::noise || config_.key_std == 0) return;
    for (std::size_t i = 0; i < sites_.size(); ++i) {
      if (i == 0 || config_.per_site_key) {
        row_moments(outputs[whole(i)], rows, spans_[whole(i)].size(), scratch_.of_row.data(),
                    scratch_.partial);
        rescale_factors(rescale, config_.key_std, scratch_.of_row.data(), scratch_.factors.data(),
                        rows.size());
      }
      scale_rows(outputs[i], rows, spans_[i].size(), scratch_.factors.data());
    }
  }

  // alpha_ = coefficients of the selected samples, scaled so that alpha B has the standard deviation asked for in `span`.
  void draw_scaled(const subspace& span, const random_source& source, std::uint64_t base,
                   const row_selection& rows, rescale_kind rescale, bool without_mean = false) {
    const index_t m = config_.subspace_dim;
    const auto alpha = [&](index_t row) { return alpha_.data() + row * m; };
    draw_coefficients(config_.law(), m, source, base, rows, alpha_.data());
    for (index_t row = 0; row < rows.size() && without_mean; ++row) subtract_mean(alpha(row), m);
    if (config_.key_std == 0) return;
    for (index_t row = 0; row < rows.size(); ++row)
      scratch_.of_row[static_cast<std::size_t>(row)] = span.combined_moments(alpha(row));
    rescale_factors(rescale, config_.key_std, scratch_.of_row.data(), scratch_.factors.data(), rows.size());
    for (index_t row = 0; row < rows.size(); ++row)
      scale_coefficients(alpha(row), m, scratch_.factors[static_cast<std::size_t>(row)]);
  }

  key_space_config config_;
  std::vector<site> sites_;
  std::size_t widest_ = 0;
  std::vector<subspace> spans_, other_space_, other_site_;
  secret_vector<float> alpha_;
  key_scratch scratch_;
  std::vector<index_t> rows_;
  std::vector<std::size_t> chosen_;
  single_entry entry_;
};

static_assert(KeySampler<key_space>);

}  // namespace spankey
