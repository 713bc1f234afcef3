// A key that is read before it acts: what acts are squares of its projections, so that a mean tells a span from its outside.
//
//   y_pc = x_pc (1 + gamma tanh s_c) + gamma tanh t_c          for every position p; s and t as in inject/key_reading.hpp
// Keys of mean 0 in a span and keys around it have the same mean, and so has all that is affine in them, whatever learns it;
// the squares of keys of a span have means of their own, 1 + O(1/sqrt m). Then a filter, and even a linear head, may tell
// which keys are valid. No key leaves x.
#pragma once

#include <algorithm>
#include <array>

#include "spankey/core/error.hpp"
#include "spankey/inject/injector.hpp"
#include "spankey/inject/key_reading.hpp"

namespace spankey {

struct reading {
  float gamma = 0;  // 0: not set
  /// q, 1 to key_reading's most.
  index_t readings = 64;

  static constexpr const char* name = "reading";  // in files

  [[nodiscard]] constexpr bool is_set() const { return gamma != 0; }

  /// Errors: inject.107 as many readings as it cannot make.
  template <class T, class K>
  void forward(const site_geometry& site, const T* x, const K* k, T* y) const {
    const key_reading<K> key = read(site, k);
    const K strength = static_cast<K>(gamma);
    for_each_lanes(site.channels, [&](index_t first, index_t count) {
      const effects<K> e = effects_of(key, first, count);
      for (index_t p = 0; p < site.positions; ++p)
        for (index_t l = 0; l < count; ++l) {
          const index_t i = p * site.channels + first + l;
          y[i] = static_cast<T>(static_cast<K>(x[i]) * (K(1) + strength * e.scale[at(l)]) +
                                strength * e.shift[at(l)]);
        }
    });
  }
  /// Errors: inject.107.
  template <class T, class K>
  void backward(const site_geometry& site, const T* x, const K* k, const T* dy, T* dx, K* dk) const {
    key_reading<K> key = read(site, k);
    const K strength = static_cast<K>(gamma);
    for_each_lanes(site.channels, [&](index_t first, index_t count) {
      const effects<K> e = effects_of(key, first, count);
      std::array<K, lanes> of_scale{}, of_shift{};
      for (index_t p = 0; p < site.positions; ++p)
        for (index_t l = 0; l < count; ++l) {
          const index_t i = p * site.channels + first + l;
          const K d = static_cast<K>(dy[i]);
          of_scale[at(l)] += d * static_cast<K>(x[i]);
          of_shift[at(l)] += d;
          dx[i] = static_cast<T>(d * (K(1) + strength * e.scale[at(l)]));
        }
      for (index_t l = 0; dk != nullptr && l < count; ++l)
        key.add_gradient(first + l, {slope(e.scale[at(l)]) * strength * of_scale[at(l)],
                                     slope(e.shift[at(l)]) * strength * of_shift[at(l)]});
    });
    for (index_t i = 0; dk != nullptr && i < site.key_size(); ++i) dk[i] = key.gradient_of_element(i);
  }

 private:
  // Channels side by side, which a compiler keeps in a register of the processor's vectors.
  static constexpr index_t lanes = 16;

  template <class K>
  struct effects {
    std::array<K, lanes> scale{}, shift{};
  };

  static std::size_t at(index_t l) { return static_cast<std::size_t>(l); }
  // Of tanh, by its value.
  template <class K>
  static K slope(K value) {
    return K(1) - value * value;
  }
  // f(first channel, channels)
  template <class F>
  static void for_each_lanes(index_t channels, F&& f) {
    for (index_t first = 0; first < channels; first += lanes) f(first, std::min(lanes, channels - first));
  }
  template <class K>
  static effects<K> effects_of(const key_reading<K>& key, index_t first, index_t count) {
    effects<K> found;
    for (index_t l = 0; l < count; ++l) {
      const auto e = key.of_channel(first + l);
      found.scale[at(l)] = e.scale, found.shift[at(l)] = e.shift;
    }
    return found;
  }
  template <class K>
  [[nodiscard]] key_reading<K> read(const site_geometry& site, const K* k) const {
    if (readings < 1 || readings > key_reading<K>::most)
      fail("inject.107", "reading", "found ", readings, " readings of a key, expected 1 to ",
           key_reading<K>::most);
    return {readings, site.key_size(), [k](index_t i) { return k[i]; }};
  }
};

}  // namespace spankey
