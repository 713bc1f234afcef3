// A token's row of a table, and the answers of a head that shares it, on the CPU; formulas: backend/reference/embedding.hpp.
// The products are those of a 1x1 convolution from V to C channels: the answers are its gradient to the data. Gradients of rows
// are added token after token, each thread having some of the channels: the bits do not depend on the number of threads.
#pragma once

#include <algorithm>

#include "spankey/backend/cpu/conv2d_dense.hpp"
#include "spankey/backend/cpu/lanes.hpp"
#include "spankey/backend/cpu/tag.hpp"

namespace spankey {

template <cpu::Scalar T>
struct embedding_kernels<backend::cpu, T> {
  /// Floats, for so many rows or fewer: fewer may be cut in a way that needs more.
  static constexpr index_t scratch_size(const embedding_problem& p) {
    index_t size = 0;
    for (embedding_problem part = p; part.rows > 0; --part.rows)
      size = std::max(size, narrow_size(part) + conv::scratch_size(pixel(part)));
    return size;
  }

  static void forward(const embedding_problem& p, const T* x, const float* table, T* y) {
    const auto copy = SPANKEY_DISPATCH(copy_row);
    cpu::for_each_block(p.rows, rows_at_once, [&](index_t first, index_t count) {
      for (index_t r = first; r < first + count; ++r)
        copy(table + p.token(x + 2 * r) * p.channels, p.channels, y + r * p.channels);
    });
  }
  static void backward(const embedding_problem& p, const T* x, const T* dy, float* dtable) {
    const auto add = SPANKEY_DISPATCH(add_row);
    cpu::for_each_block(p.channels, channels_at_once, [&](index_t first, index_t count) {
      for (index_t r = 0; r < p.rows; ++r)
        add(dy + r * p.channels + first, count, dtable + p.token(x + 2 * r) * p.channels + first);
    });
  }
  static void answers(const embedding_problem& p, const T* h, const float* table, float* z, float* scratch) {
    if (p.rows == 0) return;
    conv::backward_data(pixel(p), h, table, z, false, scratch + narrow_size(p));
  }
  static void answers_data(const embedding_problem& p, const float* dz, const float* table, T* dh,
                           float* scratch) {
    if (p.rows == 0) return;
    conv::forward(pixel(p), narrowed(p, dz, scratch), table, nullptr, dh, scratch + narrow_size(p));
  }
  static void answers_table(const embedding_problem& p, const T* h, const float* dz, float* dtable,
                            float* scratch) {
    if (p.rows == 0) return;
    conv::backward_weights(pixel(p), narrowed(p, dz, scratch), h, dtable, nullptr, scratch + narrow_size(p));
  }

 private:
  using conv = cpu::dense_conv2d<T>;
  static constexpr index_t rows_at_once = 64, channels_at_once = 32;

  static constexpr conv2d_problem pixel(const embedding_problem& p) {
    return {p.rows, {p.vocabulary, 1, 1}, {p.channels, 1, 1}, 1, 1, 0};
  }
  // Floats at the beginning of scratch, a whole number of cache lines.
  static constexpr index_t narrow_size(const embedding_problem& p) {
    return std::is_same_v<T, float> ? 0 : (p.rows * p.vocabulary + 31) / 32 * 16;
  }
  // dz as products read it.
  static const T* narrowed(const embedding_problem& p, const float* dz, float* scratch) {
    if constexpr (std::is_same_v<T, float>) {
      (void)p, (void)scratch;
      return dz;
    } else {
      T* const to = reinterpret_cast<T*>(scratch);
      const auto copy = SPANKEY_DISPATCH(copy_row);
      cpu::for_each_block(p.rows * p.vocabulary, cpu::block_elements,
                          [&](index_t first, index_t count) { copy(dz + first, count, to + first); });
      return to;
    }
  }
};

}  // namespace spankey
