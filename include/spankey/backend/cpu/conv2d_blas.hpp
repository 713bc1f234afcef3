// Convolution of the portable CPU path: one matrix product per kernel tap and chunk of pixels.
//
//   y(chunk) += X(tap) w(tap)    dx(chunk) += dY(tap) w(tap)^T    dw(tap) += X(tap)^T dy(chunk)
//
// X(tap) holds, for each pixel of the chunk, the row of channels that the tap reads (zeros where it reads
// padding, or where a stride steps over it). It is gathered into a buffer on the stack, so scratch stays small
// and no im2col matrix is written. The products are BLAS, single-threaded inside parallel_for.
#pragma once

#include <algorithm>
#include <array>

#include "spankey/backend/backend.hpp"
#include "spankey/backend/cpu/blas.hpp"
#include "spankey/backend/cpu/conv2d_gradient.hpp"
#include "spankey/backend/cpu/parallel.hpp"

namespace spankey::cpu {

/// Gathered rows of one chunk: 128 KB, in channel slices of at most 512.
inline constexpr index_t blas_buffer_size = 32768, blas_channel_slice = 512, blas_chunk = 64;
static_assert(blas_channel_slice * blas_chunk == blas_buffer_size);

/// The pixel of `from` that joins pixel `pixel` of the other side through a tap, or -1.
constexpr index_t joined_pixel(const conv2d_problem& p, bool forward, index_t pixel, index_t tap) {
  const extents& own = forward ? p.out : p.in;
  const extents& other = forward ? p.in : p.out;
  const index_t n = pixel / (own.height * own.width);
  index_t row = pixel / own.width % own.height, column = pixel % own.width;
  if (forward) {
    row = row * p.stride + tap / p.kernel - p.padding;
    column = column * p.stride + tap % p.kernel - p.padding;
  } else {
    row += p.padding - tap / p.kernel;
    column += p.padding - tap % p.kernel;
    if (row % p.stride != 0 || column % p.stride != 0) return -1;
    row /= p.stride;
    column /= p.stride;
  }
  if (row < 0 || row >= other.height || column < 0 || column >= other.width) return -1;
  return (n * other.height + row) * other.width + column;
}

/// rows (count, length) = channels [first, first + length) of the pixels that a tap joins to
/// [begin, begin + count).
inline void gather_rows(const conv2d_problem& p, bool forward, index_t begin, index_t count, index_t tap,
                        index_t first, index_t length, const float* source, float* rows) {
  const index_t channels = forward ? p.in.channels : p.out.channels;
  for (index_t i = 0; i < count; ++i) {
    const index_t pixel = joined_pixel(p, forward, begin + i, tap);
    if (pixel < 0) {
      std::fill_n(rows + i * length, length, 0.0F);
    } else {
      std::copy_n(source + pixel * channels + first, length, rows + i * length);
    }
  }
}

/// target (pixels, channels) += sum over taps of gathered source rows times that tap's weights.
inline void blas_products(const conv2d_problem& p, bool forward, const float* source, const float* w,
                          float* target) {
  const extents& own = forward ? p.out : p.in;
  const index_t channels = forward ? p.in.channels : p.out.channels, out = p.out.channels;
  const index_t slice = std::min(channels, blas_channel_slice), chunk = blas_buffer_size / slice;
  const index_t pixels = p.samples * own.height * own.width;
  parallel_for((pixels + chunk - 1) / chunk, [&](index_t task) {
    alignas(64) std::array<float, blas_buffer_size> rows;
    const index_t begin = task * chunk, count = std::min(chunk, pixels - begin);
    for (index_t tap = 0; tap < p.kernel * p.kernel; ++tap)
      for (index_t first = 0; first < channels; first += slice) {
        const index_t length = std::min(slice, channels - first);
        gather_rows(p, forward, begin, count, tap, first, length, source, rows.data());
        const float* const tap_weights = w + tap * p.in.channels * out + (forward ? first * out : first);
        gemm(false, !forward, count, own.channels, length, rows.data(), length, tap_weights, out, 1.0F,
             target + begin * own.channels, own.channels);
      }
  });
}

inline void blas_forward(const conv2d_problem& p, const float* x, const float* w, const float* bias,
                         float* y) {
  const index_t channels = p.out.channels, pixels = p.samples * p.out.height * p.out.width;
  for (index_t pixel = 0; pixel < pixels; ++pixel) {
    if (bias != nullptr) {
      std::copy_n(bias, channels, y + pixel * channels);
    } else {
      std::fill_n(y + pixel * channels, channels, 0.0F);
    }
  }
  blas_products(p, true, x, w, y);
}

inline void blas_backward_data(const conv2d_problem& p, const float* dy, const float* w, float* dx,
                               bool accumulate) {
  if (!accumulate) std::fill_n(dx, p.samples * p.in.size(), 0.0F);
  blas_products(p, false, dy, w, dx);
}

/// dw += x^T dy; scratch as for add_weight_gradient.
inline void blas_backward_weights(const conv2d_problem& p, const float* x, const float* dy, float* dw,
                                  float* scratch) {
  const index_t in = p.in.channels, out = p.out.channels, taps = p.kernel * p.kernel;
  const index_t slice = std::min(in, blas_channel_slice), chunk = blas_buffer_size / slice;
  const index_t pixels = p.samples * p.out.height * p.out.width, slices = gradient_plan(p).slices;
  parallel_for(slices * taps, [&](index_t task) {
    alignas(64) std::array<float, blas_buffer_size> rows;
    const index_t tap = task % taps, part = task / taps, end = pixels * (part + 1) / slices;
    float* const sums = (slices == 1 ? dw : scratch + part * p.weight_size()) + tap * in * out;
    if (slices > 1) std::fill_n(sums, in * out, 0.0F);
    for (index_t begin = pixels * part / slices; begin < end; begin += chunk)
      for (index_t first = 0; first < in; first += slice) {
        const index_t count = std::min(chunk, end - begin), length = std::min(slice, in - first);
        gather_rows(p, true, begin, count, tap, first, length, x, rows.data());
        gemm(true, false, length, out, count, rows.data(), length, dy + begin * out, out, 1.0F,
             sums + first * out, out);
      }
  });
  if (slices > 1) add_in_order(scratch, slices, p.weight_size(), dw);
}

}  // namespace spankey::cpu
