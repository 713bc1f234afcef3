// An orthonormal map of C channels from a key: three rounds, each signs, a fixed mix of everything, a permutation.
//
//   R = P3 M D3 P2 M D2 P1 M D1       D signs, P permutation, M as core/channel_mix.hpp has it
// Its inverse is its transpose. Costs C log2 C additions a round; of 17 channels, say, M mixes little.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "spankey/core/channel_mix.hpp"
#include "spankey/core/secret.hpp"
#include "spankey/core/shape.hpp"
#include "spankey/key/derivation.hpp"

namespace spankey {

class rotation {
 public:
  static constexpr std::size_t rounds = 3;

  /// channels from 1.
  rotation(index_t channels, key_stream& numbers) : channels_(channels) {
    const auto n = static_cast<std::size_t>(channels);
    for (round& r : rounds_) {
      r.signs.resize(n), r.order.resize(n);
      numbers.signs(r.signs);
      numbers.permutation(r.order);
    }
  }

  [[nodiscard]] index_t channels() const { return channels_; }
  /// Of a round: 1 or -1 for every channel before the mix, and where each goes behind it.
  [[nodiscard]] std::span<const float> signs(std::size_t of_round) const {
    return rounds_.at(of_round).signs;
  }
  [[nodiscard]] std::span<const std::uint32_t> order(std::size_t of_round) const {
    return rounds_.at(of_round).order;
  }

  /// rows (C, columns) become R rows.
  template <class T>
  void apply(T* rows, index_t columns) const {
    secret_vector<T> moved(static_cast<std::size_t>(channels_ * columns));
    for (const round& r : rounds_) {
      for (index_t c = 0; c < channels_; ++c) scale(rows + c * columns, columns, sign_of(r, c));
      mix_channels(rows, channels_, columns);
      for (index_t c = 0; c < channels_; ++c)
        std::copy_n(rows + c * columns, columns, moved.data() + order_of(r, c) * columns);
      std::copy(moved.begin(), moved.end(), rows);
    }
  }
  /// rows (C, columns) become R^T rows.
  template <class T>
  void apply_inverse(T* rows, index_t columns) const {
    secret_vector<T> moved(static_cast<std::size_t>(channels_ * columns));
    for (auto r = rounds_.rbegin(); r != rounds_.rend(); ++r) {
      for (index_t c = 0; c < channels_; ++c)
        std::copy_n(rows + order_of(*r, c) * columns, columns, moved.data() + c * columns);
      std::copy(moved.begin(), moved.end(), rows);
      unmix_channels(rows, channels_, columns);
      for (index_t c = 0; c < channels_; ++c) scale(rows + c * columns, columns, sign_of(*r, c));
    }
  }

 private:
  struct round {
    secret_vector<float> signs;
    secret_vector<std::uint32_t> order;
  };
  static float sign_of(const round& r, index_t c) { return r.signs[static_cast<std::size_t>(c)]; }
  static index_t order_of(const round& r, index_t c) { return r.order[static_cast<std::size_t>(c)]; }
  template <class T>
  static void scale(T* row, index_t columns, float sign) {
    for (index_t j = 0; j < columns; ++j) row[j] *= static_cast<T>(sign);
  }

  index_t channels_;
  std::array<round, rounds> rounds_;
};

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
