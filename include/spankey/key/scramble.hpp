// Keys whose elements are put in disorder, in place (n x d, memory order):
//   permute_elements    every order of the d elements equally likely (Fisher-Yates)
//   flip_half_of_signs  exactly floor(d/2) elements change their sign, every choice of them equally likely (Knuth,
//                       Seminumerical Algorithms, algorithm S)
// Both go through a key in file order with one word per element, number base + s*row + f of the source: the result
// depends neither on the memory order nor on threads. Rows are drawn in parallel, each by one thread.
#pragma once

#include <array>
#include <cstdint>

#include "spankey/core/compiled.hpp"
#include "spankey/core/random.hpp"
#include "spankey/core/shape.hpp"
#include "spankey/key/gaussian_keys.hpp"
#include "spankey/key/row_selection.hpp"

namespace spankey {

/// random_source::below for indices that lie close to one another: every block is computed once.
class index_reader {
 public:
  explicit index_reader(const random_source& source) : source_(source), words_(source.block(0)) {}

  /// Uniform in [0, n).
  [[nodiscard]] index_t below(std::uint64_t index, index_t n) {
    if (index >> 2 != held_) {
      held_ = index >> 2;
      words_ = source_.block(held_);
    }
    const std::uint64_t word = words_[index & 3];
    return static_cast<index_t>((word * static_cast<std::uint64_t>(n)) >> 32);
  }

 private:
  const random_source& source_;
  std::uint64_t held_ = 0;
  std::array<std::uint32_t, 4> words_;
};

/// Permutes the elements of each selected key.
SPANKEY_INLINE void permute_elements(const extents& shape, const random_source& source, number_range range,
                                     const row_selection& rows, float* keys);

/// Changes the sign of half of the elements of each selected key.
SPANKEY_INLINE void flip_half_of_signs(const extents& shape, const random_source& source, number_range range,
                                       const row_selection& rows, float* keys);

}  // namespace spankey

#if !defined(SPANKEY_COMPILED)
#include "spankey/key/scramble.inl"
#endif
