// Families of invalid keys, n keys of one site at a time (n x d, memory order, overwritten, not yet rescaled).
//
//   gaussian     N(0, I_d), ignoring the basis (the reference): its expected share of energy in the span is m/d
//   orthogonal   the same Gaussian, projected onto the orthogonal complement of the site's span: share 0
// A new family is an enumerator, a row in the table, a function that draws it and a case in draw_invalid_keys.
// Element (sample s, file position f) is number base + s*row + f of the source: the keys depend neither on
// the memory order nor on threads, and a shorter site with the same base and row gets the prefix of a longer
// one. Source: docs/method.md, section 1.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

#include "spankey/backend/cpu/parallel.hpp"
#include "spankey/core/error.hpp"
#include "spankey/core/random.hpp"
#include "spankey/core/shape.hpp"
#include "spankey/key/choice.hpp"
#include "spankey/key/gaussian.hpp"
#include "spankey/key/rescale.hpp"
#include "spankey/key/secret.hpp"
#include "spankey/key/subspace.hpp"

namespace spankey {

enum class invalid_family { gaussian, orthogonal };

inline constexpr std::array<choice<invalid_family>, 2> invalid_names{
    {{"gaussian", invalid_family::gaussian}, {"orthogonal", invalid_family::orthogonal}}};

/// Fails with key.104.
inline invalid_family parse_invalid(std::string_view name) {
  return choose(invalid_names, name, "key.104", "invalid keys");
}
constexpr std::string_view name_of(invalid_family family) { return spelled(invalid_names, family); }

/// Which numbers of a source make the keys of one site: its first number, and the numbers between two
/// samples.
struct number_range {
  std::uint64_t base = 0;
  index_t row = 0;
};

/// n x d standard normal numbers at a site of this shape.
inline void draw_gaussian_keys(const extents& shape, const random_source& source, number_range range,
                               index_t n, float* out) {
  const index_t d = shape.size(), area = shape.height * shape.width, channels = shape.channels;
  const index_t blocks = (d + key_block - 1) / key_block;
  parallel_for(n * blocks, [=, &source](index_t task) {
    const index_t sample = task / blocks, first = task % blocks * key_block;
    const index_t count = std::min(key_block, d - first);
    const std::uint64_t number = range.base + static_cast<std::uint64_t>(sample * range.row + first);
    float* const key = out + sample * d;
    if (area == 1 || channels == 1) {  // file order is memory order
      fill_gaussian(source, number, key + first, count);
      return;
    }
    std::array<float, static_cast<std::size_t>(key_block)> file;
    fill_gaussian(source, number, file.data(), count);
    index_t channel = first / area, position = first % area;
    for (index_t i = 0; i < count; ++i) {
      key[position * channels + channel] = file[static_cast<std::size_t>(i)];
      if (++position == area) {
        position = 0;
        ++channel;
      }
    }
  });
}

/// Fails with key.114 where the span is the whole space: nothing is orthogonal to it.
inline void require_complement(const subspace& span) {
  if (span.dimension() < span.size()) return;
  fail("key.114", "invalid keys", "orthogonal needs m < d: a span of dimension ", span.dimension(), " in ",
       span.size(), " elements leaves no complement");
}

/// n x d Gaussian keys without their component in `span`. Fails as require_complement says.
inline void draw_orthogonal_keys(const subspace& span, const random_source& source, number_range range,
                                 index_t n, float* out, secret_vector<float>& scratch) {
  require_complement(span);
  draw_gaussian_keys(span.shape(), source, range, n, out);
  span.project_out(out, n, scratch);
}

/// n keys of `family` for the site whose valid keys lie in `span`. `scratch` is grown when needed.
inline void draw_invalid_keys(invalid_family family, const subspace& span, const random_source& source,
                              number_range range, index_t n, float* out, secret_vector<float>& scratch) {
  switch (family) {
    case invalid_family::gaussian:
      draw_gaussian_keys(span.shape(), source, range, n, out);
      return;
    case invalid_family::orthogonal:
      draw_orthogonal_keys(span, source, range, n, out, scratch);
      return;
  }
}

}  // namespace spankey
