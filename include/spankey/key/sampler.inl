// What key/sampler.hpp declares.
#pragma once

#include <algorithm>
#include <string>
#include <utility>

#include "spankey/key/coefficients.hpp"
#include "spankey/key/rescale.hpp"
#include "spankey/key/sampler.hpp"

namespace spankey {

key_space::key_space(const key_space_config& config, std::vector<site> sites)
    : config_(config), sites_(std::move(sites)) {
  prepare();
  spans_ = drawn_spans(config.seed);
}

key_space::key_space(const key_space_config& config, std::vector<site> sites,
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

void key_space::valid_keys(const random_source& source, index_t n, std::span<float* const> outputs) {
  reserve(n, outputs);
  for (std::size_t i = 0; i < sites_.size(); ++i) {
    if (i == 0 || config_.per_site_key)
      draw_scaled(spans_[whole(i)], source, number_base(i), n, config_.rescale);
    spans_[i].combine(alpha_.data(), n, outputs[i]);
  }
}

void key_space::invalid_keys(const invalid_rule& rule, const random_source& source, index_t n,
                             std::span<float* const> outputs) {
  require_rule(rule, config_, sites_);
  reserve(n, outputs);
  draw_rows(rule, source, n, config_.rescale, outputs);
}

void key_space::mixed_keys(std::span<const weighted_rule> mixture, const random_source& source, index_t n,
                           std::span<float* const> outputs) {
  require_mixture(mixture);
  for (const weighted_rule& w : mixture) require_rule(w.rule, config_, sites_);
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

void key_space::prepare() {
  require_key_space(config_, sites_);
  const auto smaller = [](const site& a, const site& b) { return a.shape.size() < b.shape.size(); };
  widest_ =
      static_cast<std::size_t>(std::max_element(sites_.begin(), sites_.end(), smaller) - sites_.begin());
}

void key_space::reserve(index_t n, std::span<float* const> outputs) {
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
  part_rows_.reserve(rows);
  chosen_.reserve(rows);
}

std::vector<subspace> key_space::drawn_spans(std::uint64_t seed) const {
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

std::vector<subspace> key_space::repeated_spans() const {
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

void key_space::draw_rows(const invalid_rule& rule, const random_source& source, const row_selection& rows,
                          rescale_kind rescale, std::span<float* const> outputs) {
  if (is_partial(rule.family)) return draw_parts(rule, source, rows, rescale, outputs);
  for (std::size_t i = 0; i < sites_.size(); ++i) draw_at_site(rule, i, source, rows, rescale, outputs[i]);
  if (origin_of(rule.family) != invalid_origin::noise) return;
  for (std::size_t i = 0; i < sites_.size(); ++i) {
    if (i == 0 || config_.per_site_key) find_noise_factors(whole(i), rows, rescale, outputs[whole(i)]);
    scale_noise(i, rows, outputs[i]);
  }
}

void key_space::draw_parts(const invalid_rule& rule, const random_source& source, const row_selection& rows,
                           rescale_kind rescale, std::span<float* const> outputs) {
  for (std::size_t i = 0; i < sites_.size(); ++i) {
    for (const bool has : {true, false}) {
      part_rows_.clear();
      for (index_t at = 0; at < rows.size(); ++at)
        if (has_part(source, rows[at], i) == has) part_rows_.push_back(rows[at]);
      if (part_rows_.empty()) continue;
      const std::span<const index_t> part = part_rows_;
      const invalid_rule what = has ? rule : rest_of(rule.family);
      draw_at_site(what, i, source, part, rescale, outputs[i]);
      if (origin_of(what.family) != invalid_origin::noise) continue;
      find_noise_factors(i, part, rescale, outputs[i]);  // by itself: other sites have keys of another kind
      scale_noise(i, part, outputs[i]);
    }
  }
}

void key_space::draw_at_site(const invalid_rule& rule, std::size_t i, const random_source& source,
                             const row_selection& rows, rescale_kind rescale, float* out) {
  const invalid_origin origin = origin_of(rule.family);
  if (origin == invalid_origin::other_space && other_space_.empty())
    other_space_ = drawn_spans(other_space_seed(config_.seed));
  if (origin == invalid_origin::other_site && other_site_.empty()) other_site_ = repeated_spans();
  const auto& valid = origin == invalid_origin::other_space  ? other_space_
                      : origin == invalid_origin::other_site ? other_site_
                                                             : spans_;
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
                    out);
}

void key_space::find_noise_factors(std::size_t i, const row_selection& rows, rescale_kind rescale,
                                   const float* noise) {
  if (config_.key_std == 0) return;
  row_moments(noise, rows, spans_[i].size(), scratch_.of_row.data(), scratch_.partial);
  rescale_factors(rescale, config_.key_std, scratch_.of_row.data(), scratch_.factors.data(), rows.size());
}

void key_space::scale_noise(std::size_t i, const row_selection& rows, float* noise) {
  if (config_.key_std != 0) scale_rows(noise, rows, spans_[i].size(), scratch_.factors.data());
}

void key_space::draw_scaled(const subspace& span, const random_source& source, std::uint64_t base,
                            const row_selection& rows, rescale_kind rescale, bool without_mean) {
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

}  // namespace spankey
