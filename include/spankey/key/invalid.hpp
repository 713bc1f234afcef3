// Invalid keys of every family (key/invalid_family.hpp), n keys of one site at a time (n x d, memory order, overwritten).
//
// One function draws each. Keys made of a valid key have their size when they come out of it; Gaussian and orthogonal
// ones do not yet: the key space rescales them. Every number that a key is made of has an index of its own, by site,
// sample and element: keys depend neither on threads, nor on the memory order, nor on which other samples are drawn.
#pragma once

#include <cstdint>
#include <vector>

#include "spankey/core/compiled.hpp"
#include "spankey/core/random.hpp"
#include "spankey/core/secret.hpp"
#include "spankey/core/shape.hpp"
#include "spankey/key/gaussian_keys.hpp"
#include "spankey/key/invalid_family.hpp"
#include "spankey/key/rescale.hpp"
#include "spankey/key/row_selection.hpp"
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
SPANKEY_INLINE void draw_orthogonal_keys(const subspace& span, const random_source& source,
                                         number_range range, const row_selection& rows, float* out,
                                         secret_vector<float>& scratch);

/// Gives each drawn key `share` times the norm of its valid key.
SPANKEY_INLINE void match_norms(const invalid_context& c, double share, float* out);

/// Keys of the selected samples by `rule`, which require_rule let pass.
SPANKEY_INLINE void draw_invalid_keys(const invalid_rule& rule, const invalid_context& c, float* out);

}  // namespace spankey

#if !defined(SPANKEY_COMPILED)
#include "spankey/key/invalid.inl"
#endif
