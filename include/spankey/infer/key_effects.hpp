// What the numbers of a key do at a site: the factors of its activations, what is added to them, or, of a key that is read, a
// factor and a shift for every channel. Computed once, where a key is bound, from its bytes at any alignment, in (C, H, W) order.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "spankey/backend/backend.hpp"
#include "spankey/core/finite.hpp"
#include "spankey/infer/image.hpp"
#include "spankey/infer/operation.hpp"
#include "spankey/inject/additive.hpp"
#include "spankey/inject/multiplicative.hpp"

namespace spankey::infer {

inline bool multiplies(const image_header& header) { return header.kind() == injector_kind::multiplicative; }
/// Of a session of these kinds; false where it has no code for it.
template <kind_set Kinds>
bool reads(const image_header& header) {
  return (Kinds & read_keys) != 0 && header.kind() == injector_kind::reading;
}
/// Whether a session of these kinds has code for the injector of an image.
template <kind_set Kinds>
bool knows_injector(const image_header& header) {
  return header.kind() != injector_kind::reading || reads<Kinds>(header);
}

/// What a number of an additive key adds.
inline float added(const image_header& header, float k) {
  return additive{.gamma = header.gamma}.forward(0.0F, k);
}

/// A key's extents, and the channels of the activations that it meets.
struct keyed_site {
  extents key{};
  index_t channels = 0;

  /// Floats of what a key does here, whatever the injector.
  [[nodiscard]] constexpr index_t effect_size() const { return std::max(key.size(), 2 * channels); }
};

/// Number i of a key in the order of files.
inline float key_number(const std::byte* key, index_t i) {
  float k;
  std::memcpy(&k, key + static_cast<std::size_t>(i) * sizeof k, sizeof k);
  return k;
}

/// f(c, factor, shift) for every channel that a key of an image whose keys are read meets (inject/reading.hpp).
template <class F>
void for_each_read_channel(const image_header& header, const keyed_site& site, const std::byte* key, F&& f) {
  const key_reading<float> read(header.readings(), site.key.size(),
                                [&](index_t i) { return key_number(key, file_index(site.key, i)); });
  for (index_t c = 0; c < site.channels; ++c) {
    const auto e = read.of_channel(c);
    f(c, 1.0F + header.gamma * e.scale, header.gamma * e.shift);
  }
}

/// Whether a key and what it does are numbers.
template <kind_set Kinds = every_kind>
bool is_finite_key(const image_header& header, const keyed_site& site, const std::byte* key) {
  bool finite = true;
  // A factor lies between bounds, whatever the number; nobody pays for its tanh twice.
  const bool bounded = multiplies(header) || reads<Kinds>(header);
  for (index_t i = 0; i < site.key.size(); ++i) {
    const float k = key_number(key, i);
    finite = finite && is_finite(k) && (bounded || is_finite(added(header, k)));
  }
  // Squares of numbers may be none.
  if (finite && reads<Kinds>(header))
    for_each_read_channel(header, site, key, [&](index_t, float factor, float shift) {
      finite = finite && is_finite(factor) && is_finite(shift);
    });
  return finite;
}

/// Into effect_size() numbers: of every element of the key, or factors and then shifts of the channels.
template <class Backend, kind_set Kinds = every_kind>
void compute_effects(const image_header& header, const keyed_site& site, const std::byte* key,
                     float* effects) {
  if (reads<Kinds>(header)) {
    for_each_read_channel(header, site, key, [&](index_t c, float factor, float shift) {
      effects[c] = factor, effects[site.channels + c] = shift;
    });
  } else {
    const index_t channels = site.key.channels, area = site.key.height * site.key.width;
    for (index_t c = 0; c < channels; ++c)
      for (index_t p = 0; p < area; ++p) effects[p * channels + c] = key_number(key, c * area + p);
    if (multiplies(header)) {
      inject_kernels<Backend, float>::factors(multiplicative{.gamma = header.gamma}, area * channels,
                                              effects);
    } else {
      for (index_t i = 0; i < area * channels; ++i) effects[i] = added(header, effects[i]);
    }
  }
}

}  // namespace spankey::infer
