// The fixed part of a keyed rotation: an orthonormal map M of C channels that makes every channel of every other.
//
//   rows (C, columns) become M rows        C = q block, block the largest power of two in it
//   Walsh and Hadamard's transform of each block, / sqrt(block), then a mix of the q blocks, channel by channel:
//   q = 3: rows (1,1,1)/sqrt 3, (1,-1,0)/sqrt 2, (1,1,-2)/sqrt 6        other q: I - 2/q (Householder)
// C log2 block additions a column. `columns` is a number, or a constant (std::integral_constant), for whom the compiler knows
// the inner loops.
#pragma once

#include <cmath>

#include "spankey/core/shape.hpp"

namespace spankey {

constexpr index_t mix_block(index_t channels) {
  index_t block = 1;
  while (channels % (2 * block) == 0) block *= 2;
  return block;
}

/// Of every block; its own inverse.
template <class T, class Columns>
void mix_blocks(T* rows, index_t channels, Columns columns) {
  const index_t block = mix_block(channels);
  for (index_t width = 1; width < block; width *= 2)
    for (index_t first = 0; first < channels; first += 2 * width)
      for (index_t c = first; c < first + width; ++c) {
        T *const a = rows + c * columns, *const b = a + width * columns;
        for (index_t j = 0; j < columns; ++j) {
          const T sum = a[j] + b[j], difference = a[j] - b[j];
          a[j] = sum, b[j] = difference;
        }
      }
  const T length = T(1) / std::sqrt(static_cast<T>(block));
  for (index_t i = 0; i < channels * columns; ++i) rows[i] *= length;
}

/// One element of each of three blocks, `step` apart.
template <class T>
void mix_three(T* x, index_t step, bool inverse) {
  const T u = 1 / std::sqrt(T(3)), v = 1 / std::sqrt(T(2)), w = 1 / std::sqrt(T(6));
  const T a = x[0], b = x[step], c = x[2 * step];
  x[0] = inverse ? u * a + v * b + w * c : u * (a + b + c);
  x[step] = inverse ? u * a - v * b + w * c : v * (a - b);
  x[2 * step] = inverse ? u * a - 2 * w * c : w * (a + b - 2 * c);
}

/// The blocks among each other, or the inverse of it.
template <class T>
void mix_across(T* rows, index_t channels, index_t columns, bool inverse) {
  const index_t block = mix_block(channels), q = channels / block, step = block * columns;
  if (q == 1) return;
  for (index_t i = 0; i < step; ++i) {
    if (q == 3) {
      mix_three(rows + i, step, inverse);
    } else {
      T sum = 0;
      for (index_t b = 0; b < q; ++b) sum += rows[b * step + i];
      sum *= T(2) / static_cast<T>(q);
      for (index_t b = 0; b < q; ++b) rows[b * step + i] -= sum;
    }
  }
}

template <class T, class Columns>
void mix_channels(T* rows, index_t channels, Columns columns) {
  mix_blocks(rows, channels, columns);
  mix_across(rows, channels, columns, false);
}
/// Its inverse, which is its transpose.
template <class T, class Columns>
void unmix_channels(T* rows, index_t channels, Columns columns) {
  mix_across(rows, channels, columns, true);
  mix_blocks(rows, channels, columns);
}

}  // namespace spankey
