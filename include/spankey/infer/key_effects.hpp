// What the numbers of a key do at a site: the factors of its activations, or what is added to them. Computed once, where a key is
// bound, from its bytes at any alignment, in (C, H, W) order.
#pragma once

#include <cstddef>
#include <cstring>

#include "spankey/core/finite.hpp"
#include "spankey/infer/image.hpp"
#include "spankey/inject/additive.hpp"
#include "spankey/inject/multiplicative.hpp"

namespace spankey::infer {

inline bool multiplies(const image_header& header) { return header.kind() == injector_kind::multiplicative; }

inline float effect_of(const image_header& header, float k) {
  return multiplies(header) ? multiplicative{.gamma = header.gamma}.forward(1.0F, k)
                            : additive{.gamma = header.gamma}.forward(0.0F, k);
}

/// f(i, k) for every number k of a key and the element i that it meets, channels last.
template <class F>
void for_each_key_element(const extents& site, const std::byte* key, F&& f) {
  for (index_t i = 0; i < site.size(); ++i) {
    float k;
    std::memcpy(&k, key + static_cast<std::size_t>(file_index(site, i)) * sizeof k, sizeof k);
    f(i, k);
  }
}

/// Whether a key and what it does are numbers.
inline bool is_finite_key(const image_header& header, const extents& site, const std::byte* key) {
  bool finite = true;
  // A factor lies between bounds, whatever the number; nobody pays for its tanh twice.
  const bool bounded = multiplies(header);
  for_each_key_element(site, key, [&](index_t, float k) {
    finite = finite && is_finite(k) && (bounded || is_finite(effect_of(header, k)));
  });
  return finite;
}

inline void compute_effects(const image_header& header, const extents& site, const std::byte* key,
                            float* effects) {
  for_each_key_element(site, key, [&](index_t i, float k) { effects[i] = effect_of(header, k); });
}

}  // namespace spankey::infer
