// Keys of a batch at every site: k = alpha B, rescaled; and invalid keys, rescaled the same way.
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
#include <array>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "spankey/core/error.hpp"
#include "spankey/core/random.hpp"
#include "spankey/core/shape.hpp"
#include "spankey/key/choice.hpp"
#include "spankey/key/gaussian.hpp"
#include "spankey/key/invalid.hpp"
#include "spankey/key/rescale.hpp"
#include "spankey/key/secret.hpp"
#include "spankey/key/subspace.hpp"

namespace spankey {

/// unit_cube: U[0,1)^m (the reference).  gaussian: N(0, I_m).  sphere: uniform on the unit sphere.
enum class coefficient_kind { unit_cube, gaussian, sphere };

inline constexpr std::array<choice<coefficient_kind>, 3> coefficient_names{
    {{"unit_cube", coefficient_kind::unit_cube},
     {"gaussian", coefficient_kind::gaussian},
     {"sphere", coefficient_kind::sphere}}};

/// Fails with key.102.
inline coefficient_kind parse_coefficients(std::string_view name) {
  return choose(coefficient_names, name, "key.102", "coefficients");
}
constexpr std::string_view name_of(coefficient_kind kind) { return spelled(coefficient_names, kind); }

/// The reference's defaults.
struct key_space_config {
  index_t subspace_dim = 32;
  basis_kind basis = basis_kind::uniform;
  coefficient_kind coefficients = coefficient_kind::unit_cube;
  rescale_kind rescale = rescale_kind::pooled;
  float key_std = 1;  // 0: keys are not rescaled
  bool per_site_key = false;
  bool per_site_basis = false;
  std::uint64_t seed = 0;
};

/// An injection site: its number in the model and the shape of one sample there.
struct site {
  int number = 0;
  extents shape;
  friend bool operator==(const site&, const site&) = default;
};

/// Draws valid and invalid keys for all of its sites; outputs[i] (n x d_i, memory order) belongs to
/// sites()[i].
template <class S>
concept KeySampler = requires(S& s, const random_source& source, index_t n, std::span<float* const> outputs) {
  { s.sites() } -> std::convertible_to<std::span<const site>>;
  s.draw_valid(source, n, outputs);
  s.draw_invalid(invalid_family::gaussian, source, n, outputs);
};

/// Every error that a configuration and its sites can have, before any work: key.105 to key.111, key.116.
inline void require_key_space(const key_space_config& config, std::span<const site> sites) {
  if (sites.empty()) fail("key.108", "key space", "expected at least one site, found none");
  if (!(config.key_std >= 0) || std::isinf(config.key_std)) {
    fail("key.107", "key space", "expected a finite key_std of at least 0, found ", config.key_std);
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

/// The secret. Not for several threads at once: the draws share scratch memory (and use all threads inside).
class key_space {
 public:
  /// Draws the bases. Fails as require_key_space says.
  key_space(const key_space_config& config, std::vector<site> sites)
      : config_(config), sites_(std::move(sites)) {
    prepare();
    if (config.per_site_basis) {
      for (const site& s : sites_) {
        const random_source source(config.seed + static_cast<std::uint64_t>(s.number), stream::basis);
        spans_.emplace_back(s.shape, config.subspace_dim,
                            draw_basis(config.basis, config.subspace_dim, s.shape.size(), source));
      }
    } else {
      const index_t d = sites_[widest_].shape.size();
      const auto rows =
          draw_basis(config.basis, config.subspace_dim, d, random_source(config.seed, stream::basis));
      for (const site& s : sites_) spans_.emplace_back(s.shape, config.subspace_dim, rows.data(), d);
    }
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

  /// n >= 1 valid keys per site (one per sample in training, n = 1 for one evaluation key). Fails with
  /// key.115.
  void draw_valid(const random_source& source, index_t n, std::span<float* const> outputs) {
    reserve(n, outputs);
    for (std::size_t i = 0; i < sites_.size(); ++i) {
      if (i == 0 || config_.per_site_key) {
        draw_coefficients(source, number_base(i), n);
        scale_coefficients(spans_[config_.per_site_key ? i : widest_], n);
      }
      spans_[i].combine(alpha_.data(), n, outputs[i]);
    }
  }

  /// n >= 1 invalid keys per site. Fails with key.114 (as require_complement) and key.115. With a shared key
  /// the sites share one Gaussian vector; `orthogonal` then removes from each site's part that site's own
  /// span.
  void draw_invalid(invalid_family family, const random_source& source, index_t n,
                    std::span<float* const> outputs) {
    reserve(n, outputs);
    if (family == invalid_family::orthogonal) std::for_each(spans_.begin(), spans_.end(), require_complement);
    for (std::size_t i = 0; i < sites_.size(); ++i) {
      const index_t row = spans_[config_.per_site_key ? i : widest_].size();
      draw_invalid_keys(family, spans_[i], source, {number_base(i), row}, n, outputs[i], scratch_);
    }
    if (config_.key_std == 0) return;
    for (std::size_t i = 0; i < sites_.size(); ++i) {
      if (i == 0 || config_.per_site_key) {
        const std::size_t whole = config_.per_site_key ? i : widest_;
        row_moments(outputs[whole], n, spans_[whole].size(), moments_.data(), partial_);
        rescale_factors(config_.rescale, config_.key_std, moments_.data(), factors_.data(), n);
      }
      scale_rows(outputs[i], n, spans_[i].size(), factors_.data());
    }
  }

 private:
  void prepare() {
    require_key_space(config_, sites_);
    const auto smaller = [](const site& a, const site& b) { return a.shape.size() < b.shape.size(); };
    widest_ =
        static_cast<std::size_t>(std::max_element(sites_.begin(), sites_.end(), smaller) - sites_.begin());
    spans_.reserve(sites_.size());
  }

  // Grown once per largest n; everything is checked before anything is written.
  void reserve(index_t n, std::span<float* const> outputs) {
    if (n < 1) fail("key.115", "key space", "expected at least one key to draw, found n=", n);
    if (outputs.size() != sites_.size()) {
      fail("key.115", "key space", "expected ", sites_.size(), " outputs, one per site, found ",
           outputs.size());
    }
    const auto rows = static_cast<std::size_t>(n);
    if (rows <= factors_.size()) return;
    alpha_.resize(rows * static_cast<std::size_t>(config_.subspace_dim));
    moments_.resize(rows);
    factors_.resize(rows);
  }

  // Sites draw 2^40 numbers apart: a batch of 16 million keys of 65536 elements fits between.
  [[nodiscard]] std::uint64_t number_base(std::size_t i) const {
    return config_.per_site_key ? static_cast<std::uint64_t>(sites_[i].number) << 40 : 0;
  }

  void draw_coefficients(const random_source& source, std::uint64_t base, index_t n) {
    const index_t m = config_.subspace_dim;
    if (config_.coefficients == coefficient_kind::unit_cube) {
      for (index_t i = 0; i < n * m; ++i) {
        alpha_[static_cast<std::size_t>(i)] =
            static_cast<float>(source.uniform(base + static_cast<std::uint64_t>(i)));
      }
      return;
    }
    fill_gaussian(source, base, alpha_.data(), n * m);
    if (config_.coefficients == coefficient_kind::gaussian) return;
    for (index_t row = 0; row < n; ++row) {
      float* const a = alpha_.data() + row * m;
      double squares = 0;
      for (index_t j = 0; j < m; ++j) squares += static_cast<double>(a[j]) * static_cast<double>(a[j]);
      scale(a, 1 / std::sqrt(squares));
    }
  }

  void scale_coefficients(const subspace& whole, index_t n) {
    if (config_.key_std == 0) return;
    const index_t m = config_.subspace_dim;
    for (index_t row = 0; row < n; ++row) {
      moments_[static_cast<std::size_t>(row)] = whole.combined_moments(alpha_.data() + row * m);
    }
    rescale_factors(config_.rescale, config_.key_std, moments_.data(), factors_.data(), n);
    for (index_t row = 0; row < n; ++row)
      scale(alpha_.data() + row * m, factors_[static_cast<std::size_t>(row)]);
  }

  void scale(float* a, double factor) const {
    for (index_t j = 0; j < config_.subspace_dim; ++j) {
      a[j] = static_cast<float>(static_cast<double>(a[j]) * factor);
    }
  }

  key_space_config config_;
  std::vector<site> sites_;
  std::size_t widest_ = 0;
  std::vector<subspace> spans_;
  secret_vector<float> alpha_, scratch_;
  std::vector<moments> moments_, partial_;
  std::vector<double> factors_;
};

static_assert(KeySampler<key_space>);

}  // namespace spankey
