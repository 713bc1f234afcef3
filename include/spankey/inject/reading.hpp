// A key that is read before it acts: what acts are squares of its projections, so that a mean tells a span from its outside.
//
//   z_j = sum_i S_ji k_i / sqrt(d),  u_j = z_j^2 - 1           j < q: readings of a key of d numbers
//   s_c = sum_j A_cj u_j / sqrt(q),  t_c = sum_j B_cj u_j / sqrt(q)
//   y_pc = x_pc (1 + gamma tanh s_c) + gamma tanh t_c          for every position p
// S, A and B are signs, drawn from `seed`: they are no secret, and take no memory. Keys of mean 0 in a span and keys around
// it have the same mean, and so has all that is affine in them, whatever learns it; the squares of keys of a span have means
// of their own, 1 + O(1/sqrt m). Then a filter, and even a linear head, may tell which keys are valid. No key leaves x.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include "spankey/core/error.hpp"
#include "spankey/core/random.hpp"
#include "spankey/inject/injector.hpp"

namespace spankey {

struct reading {
  float gamma = 0;  // 0: not set
  /// q, 1 to 128.
  index_t readings = 64;
  std::uint64_t seed = 0;

  static constexpr index_t most_readings = 128;
  static constexpr const char* name = "reading";  // in files

  [[nodiscard]] constexpr bool is_set() const { return gamma != 0; }

  /// Errors: inject.107 as many readings as it cannot make.
  template <class T, class K>
  void forward(const site_geometry& site, const T* x, const K* k, T* y) const {
    const readings_of<K> z = read(site, k);
    for (index_t first = 0; first < site.channels; first += lanes) {
      const index_t count = std::min(lanes, site.channels - first);
      const effects<K> e = effects_of(first, count, z);
      for (index_t p = 0; p < site.positions; ++p)
        for (index_t l = 0; l < count; ++l) {
          const index_t i = p * site.channels + first + l;
          y[i] = static_cast<T>(static_cast<K>(x[i]) * e.factor(l, gamma) + e.offset(l, gamma));
        }
    }
  }
  /// Errors: inject.107.
  template <class T, class K>
  void backward(const site_geometry& site, const T* x, const K* k, const T* dy, T* dx, K* dk) const {
    const readings_of<K> z = read(site, k);
    readings_of<K> dz{};
    for (index_t first = 0; first < site.channels; first += lanes) {
      const index_t count = std::min(lanes, site.channels - first);
      const effects<K> e = effects_of(first, count, z);
      std::array<K, lanes> of_scale{}, of_shift{};
      for (index_t p = 0; p < site.positions; ++p)
        for (index_t l = 0; l < count; ++l) {
          const index_t i = p * site.channels + first + l;
          const K d = static_cast<K>(dy[i]);
          of_scale[at(l)] += d * static_cast<K>(x[i]);
          of_shift[at(l)] += d;
          dx[i] = static_cast<T>(d * e.factor(l, gamma));
        }
      for (index_t l = 0; dk != nullptr && l < count; ++l)
        add_gradient(first + l, z, e.scale_gradient(l, gamma) * of_scale[at(l)],
                     e.offset_gradient(l, gamma) * of_shift[at(l)], dz);
    }
    if (dk == nullptr) return;
    const random_source signs = drawn(map::key);
    const index_t d = site.key_size();
    const K part = K(1) / std::sqrt(static_cast<K>(d));
    for (index_t i = 0; i < d; ++i) {
      const sign_block of_element = signs.block(static_cast<std::uint64_t>(i));
      K sum = 0;
      for (index_t j = 0; j < readings; ++j) sum += signed_by(of_element, j, dz[at(j)]);
      dk[i] = part * sum;
    }
  }

 private:
  enum class map : unsigned char { key, scale, shift };
  template <class K>
  using readings_of = std::array<K, static_cast<std::size_t>(most_readings)>;
  using sign_block = std::array<std::uint32_t, 4>;

  // Channels side by side, which a compiler keeps in a register of the processor's vectors.
  static constexpr index_t lanes = 16;

  // tanh s_c and tanh t_c of some channels.
  template <class K>
  struct effects {
    std::array<K, lanes> scale{}, shift{};

    [[nodiscard]] K factor(index_t l, float strength) const {
      return K(1) + static_cast<K>(strength) * scale[at(l)];
    }
    [[nodiscard]] K offset(index_t l, float strength) const {
      return static_cast<K>(strength) * shift[at(l)];
    }
    [[nodiscard]] K scale_gradient(index_t l, float strength) const {
      return static_cast<K>(strength) * (K(1) - scale[at(l)] * scale[at(l)]);
    }
    [[nodiscard]] K offset_gradient(index_t l, float strength) const {
      return static_cast<K>(strength) * (K(1) - shift[at(l)] * shift[at(l)]);
    }
  };

  static std::size_t at(index_t j) { return static_cast<std::size_t>(j); }
  [[nodiscard]] random_source drawn(map of) const {
    return {seed, stream::key_reading, static_cast<std::uint64_t>(of)};
  }
  [[nodiscard]] sign_block of_channel(map of, index_t channel) const {
    return drawn(of).block(static_cast<std::uint64_t>(channel));
  }
  template <class K>
  static K signed_by(const sign_block& signs, index_t j, K value) {
    return (signs[at(j / 32)] >> (j % 32) & 1U) != 0 ? -value : value;
  }

  template <class K>
  [[nodiscard]] readings_of<K> read(const site_geometry& site, const K* k) const {
    if (readings < 1 || readings > most_readings)
      fail("inject.107", "reading", "found ", readings, " readings of a key, expected 1 to ", most_readings);
    const random_source signs = drawn(map::key);
    const index_t d = site.key_size();
    readings_of<K> z{};
    for (index_t i = 0; i < d; ++i) {
      const sign_block of_element = signs.block(static_cast<std::uint64_t>(i));
      for (index_t j = 0; j < readings; ++j) z[at(j)] += signed_by(of_element, j, k[i]);
    }
    const K part = K(1) / std::sqrt(static_cast<K>(d));
    for (K& each : z) each *= part;
    return z;
  }
  template <class K>
  [[nodiscard]] effects<K> effects_of(index_t first, index_t count, const readings_of<K>& z) const {
    effects<K> found;
    const K part = K(1) / std::sqrt(static_cast<K>(readings));
    for (index_t l = 0; l < count; ++l) {
      const sign_block scales = of_channel(map::scale, first + l), shifts = of_channel(map::shift, first + l);
      K s = 0, t = 0;
      for (index_t j = 0; j < readings; ++j) {
        const K u = z[at(j)] * z[at(j)] - K(1);
        s += signed_by(scales, j, u);
        t += signed_by(shifts, j, u);
      }
      found.scale[at(l)] = std::tanh(part * s);
      found.shift[at(l)] = std::tanh(part * t);
    }
    return found;
  }
  // dz_j += dL/dz_j of one channel, whose s and t have the gradients ds and dt.
  template <class K>
  void add_gradient(index_t channel, const readings_of<K>& z, K ds, K dt, readings_of<K>& dz) const {
    const sign_block scales = of_channel(map::scale, channel), shifts = of_channel(map::shift, channel);
    const K part = K(2) / std::sqrt(static_cast<K>(readings));
    for (index_t j = 0; j < readings; ++j)
      dz[at(j)] += part * z[at(j)] * (signed_by(scales, j, ds) + signed_by(shifts, j, dt));
  }
};

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
