// What key/invalid.hpp declares.
#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>

#include "spankey/key/coefficients.hpp"
#include "spankey/key/invalid.hpp"
#include "spankey/key/scramble.hpp"

namespace spankey {

void draw_orthogonal_keys(const subspace& span, const random_source& source, number_range range,
                          const row_selection& rows, float* out, secret_vector<float>& scratch) {
  require_complement(span.dimension(), span.size());
  draw_gaussian_keys(span.shape(), source, range, rows, out);
  span.project_out(out, rows, scratch);
}

void match_norms(const invalid_context& c, double share, float* out) {
  c.scratch.reserve(c.rows.size());
  row_moments(out, c.rows, c.span.size(), c.scratch.of_row.data(), c.scratch.partial);
  for (index_t i = 0; i < c.rows.size(); ++i) {
    const double valid = c.valid_span.combined_moments(c.coefficients + i * c.span.dimension()).squares;
    const auto at = static_cast<std::size_t>(i);
    c.scratch.factors[at] = share * std::sqrt(std::max(0.0, valid) / c.scratch.of_row[at].squares);
  }
  scale_rows(out, c.rows, c.span.size(), c.scratch.factors.data());
}

void draw_invalid_keys(const invalid_rule& rule, const invalid_context& c, float* out) {
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
    case invalid_family::partial:    // a site that has its part
    case invalid_family::partial_gaussian:
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
