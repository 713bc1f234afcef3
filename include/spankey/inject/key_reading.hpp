// The readings of a key, squares of its projections, and what they do to the channels of a site (inject/reading.hpp):
//
//   z_j = sum_i S_ji k_i / sqrt(d),  u_j = z_j^2 - 1           j < q, of a key of d numbers
//   s_c = sum_j A_cj u_j / sqrt(q),  t_c = sum_j B_cj u_j / sqrt(q)
// S, A and B are signs that everybody draws alike: they are no secret, and take no memory. In K, a float or a double; without
// errors, and without memory of the heap.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>

#include "spankey/core/random.hpp"
#include "spankey/core/shape.hpp"

namespace spankey {

template <class K>
class key_reading {
 public:
  static constexpr index_t most = 128;

  struct effect {
    K scale, shift;  // tanh s_c, tanh t_c
  };

  /// q = count, 1 to most; element(i) is number i of d.
  template <class F>
  key_reading(index_t count, index_t d, F&& element) : count_(count), part_(root_of_inverse(d)) {
    const random_source signs = drawn(map::key);
    for (index_t i = 0; i < d; ++i) {
      const sign_block of_element = signs.block(static_cast<std::uint64_t>(i));
      const K k = element(i);
      for (index_t j = 0; j < count; ++j) z_[at(j)] += signed_by(of_element, j, k);
    }
    for (index_t j = 0; j < count; ++j) z_[at(j)] *= part_;
  }

  [[nodiscard]] effect of_channel(index_t c) const {
    const sign_block scales = of(map::scale, c), shifts = of(map::shift, c);
    const K part = root_of_inverse(count_);
    K s = 0, t = 0;
    for (index_t j = 0; j < count_; ++j) {
      const K u = z_[at(j)] * z_[at(j)] - K(1);
      s += signed_by(scales, j, u);
      t += signed_by(shifts, j, u);
    }
    return {std::tanh(part * s), std::tanh(part * t)};
  }

  /// Once for every channel, before gradient_of_element(); d.scale and d.shift: dL/ds_c and dL/dt_c of a loss L.
  void add_gradient(index_t c, const effect& d) {
    const sign_block scales = of(map::scale, c), shifts = of(map::shift, c);
    const K part = 2 * root_of_inverse(count_);
    for (index_t j = 0; j < count_; ++j)
      dz_[at(j)] += part * z_[at(j)] * (signed_by(scales, j, d.scale) + signed_by(shifts, j, d.shift));
  }
  /// dL/dk_i.
  [[nodiscard]] K gradient_of_element(index_t i) const {
    const sign_block signs = drawn(map::key).block(static_cast<std::uint64_t>(i));
    K sum = 0;
    for (index_t j = 0; j < count_; ++j) sum += signed_by(signs, j, dz_[at(j)]);
    return part_ * sum;
  }

 private:
  enum class map : unsigned char { key, scale, shift };
  using sign_block = std::array<std::uint32_t, 4>;
  using numbers = std::array<K, static_cast<std::size_t>(most)>;

  static std::size_t at(index_t j) { return static_cast<std::size_t>(j); }
  static K root_of_inverse(index_t n) { return K(1) / std::sqrt(static_cast<K>(n)); }
  static random_source drawn(map of) { return {0, stream::key_reading, static_cast<std::uint64_t>(of)}; }
  static sign_block of(map which, index_t channel) {
    return drawn(which).block(static_cast<std::uint64_t>(channel));
  }
  static K signed_by(const sign_block& signs, index_t j, K value) {
    return (signs[at(j / 32)] >> (j % 32) & 1U) != 0 ? -value : value;
  }

  index_t count_;
  K part_;
  numbers z_{}, dz_{};
};

}  // namespace spankey
