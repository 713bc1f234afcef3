// Invalid keys of every family (key/invalid_family.hpp), n keys of one site at a time (n x d, memory order, overwritten).
//
// One function draws each. Keys made of a valid key have their size when they come out of it; Gaussian and orthogonal
// ones do not yet: the key space rescales them. Every number that a key is made of has an index of its own, by site,
// sample and element: keys depend neither on threads, nor on the memory order, nor on which other samples are drawn.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <vector>

#include "spankey/core/random.hpp"
#include "spankey/core/secret.hpp"
#include "spankey/core/shape.hpp"
#include "spankey/key/coefficients.hpp"
#include "spankey/key/gaussian_keys.hpp"
#include "spankey/key/invalid_family.hpp"
#include "spankey/key/rescale.hpp"
#include "spankey/key/row_selection.hpp"
#include "spankey/key/scramble.hpp"
#include "spankey/key/subspace.hpp"

namespace spankey {

/// Memory that drawing needs, grown when it is too small.
struct key_scratch {
  secret_vector<float> projection;
  std::vector<moments> of_row, partial;
  std::vector<double> factors;

  /// Room for one entry per key.
  void reserve(index_t n) {
    if (static_cast<index_t>(factors.size()) >= n) return;
    of_row.resize(static_cast<std::size_t>(n));
    factors.resize(static_cast<std::size_t>(n));
  }
  /// Room for whatever up to n keys in `widest` need, so that it does not grow with the number of keys of a family.
  void reserve(index_t n, const subspace& widest) {
    reserve(n);
    const auto grow = [](auto& memory, index_t size) {
      if (static_cast<index_t>(memory.size()) < size) memory.resize(static_cast<std::size_t>(size));
    };
    grow(projection, widest.projection_size(n));
    grow(partial, partial_moments(n, widest.size()));
  }
};

/// What the invalid keys of one site are drawn from.
struct invalid_context {
  const subspace& span;        // of the site
  const subspace& valid_span;  // of the valid keys that a family starts from: the site's, or from elsewhere
  float* coefficients;         // of those, scaled: rows.size() x m in the order of rows; used up
  float key_std;
  const random_source& source;
  number_range noise, order;  // numbers of Gaussian elements, and of permutations and signs
  row_selection rows;         // samples whose keys are drawn
  key_scratch& scratch;
};

/// The n x d Gaussian keys without their component in `span`. Fails as require_complement says.
inline void draw_orthogonal_keys(const subspace& span, const random_source& source, number_range range,
                                 const row_selection& rows, float* out, secret_vector<float>& scratch) {
  require_complement(span.dimension(), span.size());
  draw_gaussian_keys(span.shape(), source, range, rows, out);
  span.project_out(out, rows, scratch);
}

/// Gives each drawn key `share` times the norm of its valid key.
inline void match_norms(const invalid_context& c, double share, float* out) {
  c.scratch.reserve(c.rows.size());
  row_moments(out, c.rows, c.span.size(), c.scratch.of_row.data(), c.scratch.partial);
  for (index_t i = 0; i < c.rows.size(); ++i) {
    const double valid = c.valid_span.combined_moments(c.coefficients + i * c.span.dimension()).squares;
    const auto at = static_cast<std::size_t>(i);
    c.scratch.factors[at] = share * std::sqrt(std::max(0.0, valid) / c.scratch.of_row[at].squares);
  }
  scale_rows(out, c.rows, c.span.size(), c.scratch.factors.data());
}

/// Keys of the selected samples by `rule`, which require_rule let pass.
inline void draw_invalid_keys(const invalid_rule& rule, const invalid_context& c, float* out) {
  const index_t d = c.span.size(), count = c.rows.size() * c.span.dimension();
  const double angle = rule.amount * std::numbers::pi / 180;
  const auto fill = [&](float value) {
    c.rows.for_each_run([&](index_t, index_t row, index_t n) { std::fill_n(out + row * d, n * d, value); });
  };
  switch (rule.family) {
    case invalid_family::gaussian:
      return draw_gaussian_keys(c.span.shape(), c.source, c.noise, c.rows, out);
    case invalid_family::orthogonal:
      return draw_orthogonal_keys(c.span, c.source, c.noise, c.rows, out, c.scratch.projection);
    case invalid_family::norm_matched:
      draw_gaussian_keys(c.span.shape(), c.source, c.noise, c.rows, out);
      return match_norms(c, 1, out);
    case invalid_family::angle:
      draw_orthogonal_keys(c.span, c.source, c.noise, c.rows, out, c.scratch.projection);
      match_norms(c, std::sin(angle), out);
      scale_coefficients(c.coefficients, count, std::cos(angle));
      return c.valid_span.add_combined(c.coefficients, c.rows, out);
    case invalid_family::permuted:
      c.valid_span.combine(c.coefficients, c.rows, out);
      return permute_elements(c.span.shape(), c.source, c.order, c.rows, out);
    case invalid_family::sign_flipped:
      c.valid_span.combine(c.coefficients, c.rows, out);
      return flip_half_of_signs(c.span.shape(), c.source, c.order, c.rows, out);
    case invalid_family::negated:
    case invalid_family::scaled:
      scale_coefficients(c.coefficients, count, rule.family == invalid_family::negated ? -1 : rule.amount);
      return c.valid_span.combine(c.coefficients, c.rows, out);
    case invalid_family::zero_mean:  // the coefficients come without their mean
    case invalid_family::other_space:
    case invalid_family::other_site:
      return c.valid_span.combine(c.coefficients, c.rows, out);
    case invalid_family::zero:
      return fill(0);
    case invalid_family::constant:
      return fill(static_cast<float>(rule.amount) * (c.key_std > 0 ? c.key_std : 1));
  }
}

}  // namespace spankey
