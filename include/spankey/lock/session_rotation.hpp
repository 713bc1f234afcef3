// An orthonormal map of C channels that is made afresh for every session, as K-OTG has it (arXiv:2512.17519):
//
//   Q = P diag(s) H_1 ... H_r          P a permutation, s signs, H_j = I - 2 v_j v_j^T / |v_j|^2, all from a key's numbers
//   h Q    gather by P, signs, then r times h -= (2 h v_j / |v_j|^2) v_j           h Q^T: the same backwards; also dh of h Q
// 4 r C multiplications and additions. P and s move and negate, to the bit; reflections round, about r 6e-8 of |h|: with r = 0
// h Q Q^T is h, bit for bit. v_j is a sum of twelve even numbers a channel, nearly normal, and no logarithm of a library has a
// say in it.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <cmath>
#include <cstdint>

#include "spankey/core/error.hpp"
#include "spankey/core/secret.hpp"
#include "spankey/core/shape.hpp"
#include "spankey/key/derivation.hpp"

namespace spankey {

class session_rotation {
 public:
  /// Fails with lock.120 unless there are 1 to 65,536 channels and 0 to 64 reflections.
  session_rotation(index_t channels, int reflections, key_stream& numbers) : channels_(channels) {
    if (channels < 1 || channels > 65536 || reflections < 0 || reflections > 64)
      fail("lock.120", "session_rotation", "found ", channels, " channels and ", reflections,
           " reflections, expected 1 to 65536 and 0 to 64");
    const auto n = static_cast<std::size_t>(channels);
    order_.resize(n), signs_.resize(n), directions_.resize(n * static_cast<std::size_t>(reflections));
    numbers.permutation(order_);
    numbers.signs(signs_);
    for (int j = 0; j < reflections; ++j) draw_direction(numbers, direction(j));
  }

  [[nodiscard]] index_t channels() const { return channels_; }
  [[nodiscard]] int reflections() const {
    return static_cast<int>(static_cast<index_t>(directions_.size()) / channels_);
  }

  /// to (C) = h Q; h (C) stays.
  template <class T>
  void apply(const T* h, T* to) const {
    for (index_t c = 0; c < channels_; ++c) to[c] = h[place(c)] * sign<T>(c);
    for (int j = 0; j < reflections(); ++j) reflect(direction(j), to);
  }
  /// to (C) = h Q^T; h is overwritten.
  template <class T>
  void apply_inverse(T* h, T* to) const {
    for (int j = reflections(); j-- > 0;) reflect(direction(j), h);
    for (index_t c = 0; c < channels_; ++c) to[place(c)] = h[c] * sign<T>(c);
  }

 private:
  // Of the length sqrt(2): then a reflection is h - (h v) v.
  void draw_direction(key_stream& numbers, float* v) const {
    double squares = 0;
    secret_vector<double> drawn(static_cast<std::size_t>(channels_));
    for (double& x : drawn) {
      for (int k = 0; k < 12; ++k) x += numbers.word();
      x = (x - 6 * 4294967295.0) * 0x1p-32;  // whole numbers until here
      squares += x * x;
    }
    const double factor = squares > 0 ? std::sqrt(2 / squares) : 0;
    for (index_t c = 0; c < channels_; ++c)
      v[c] = static_cast<float>(drawn[static_cast<std::size_t>(c)] * factor);
  }
  template <class T>
  void reflect(const float* v, T* h) const {
    constexpr index_t lanes = 16;  // sums side by side, which a compiler turns into vectors
    T parts[lanes] = {};
    index_t c = 0;
    for (; c + lanes <= channels_; c += lanes)
      for (index_t k = 0; k < lanes; ++k) parts[k] += h[c + k] * static_cast<T>(v[c + k]);
    T product = 0;
    for (; c < channels_; ++c) product += h[c] * static_cast<T>(v[c]);
    for (const T part : parts) product += part;
    for (c = 0; c < channels_; ++c) h[c] -= product * static_cast<T>(v[c]);
  }
  [[nodiscard]] index_t place(index_t c) const { return order_[static_cast<std::size_t>(c)]; }
  template <class T>
  [[nodiscard]] T sign(index_t c) const {
    return static_cast<T>(signs_[static_cast<std::size_t>(c)]);
  }
  float* direction(int j) { return directions_.data() + j * channels_; }
  [[nodiscard]] const float* direction(int j) const { return directions_.data() + j * channels_; }

  index_t channels_;
  secret_vector<std::uint32_t> order_;
  secret_vector<float> signs_, directions_;
};

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
