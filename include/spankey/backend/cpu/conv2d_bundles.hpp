// Convolution in groups of channels, CPU: some groups at a time as one dense convolution (conv2d_dense.hpp) of copies.
//
// A bundle is as many groups as fill 16 channels, or one that is wider: the copies then fill a vector, and so do the
// products, whose weights are 0 between two groups of a bundle. Its input and output channels are copied into scratch, or
// out of it; a weight gradient is taken from the blocks on the diagonal.
#pragma once

#include <algorithm>

#include "spankey/backend/cpu/conv2d_dense.hpp"

namespace spankey::cpu {

/// Channels that a bundle of narrow groups fills at most.
inline constexpr index_t bundle_channels = 16;

/// Groups of one bundle: a divisor of the groups.
constexpr index_t bundled_groups(const conv2d_problem& p) {
  const index_t widest = std::max(p.in.channels, p.out.channels) / p.groups;
  index_t most = std::clamp<index_t>(bundle_channels / std::max<index_t>(1, widest), 1, p.groups);
  while (p.groups % most != 0) --most;
  return most;
}

/// One bundle as a dense convolution.
constexpr conv2d_problem bundle_of(const conv2d_problem& p) {
  conv2d_problem dense = p;
  const index_t bundles = p.groups / bundled_groups(p);
  dense.in.channels /= bundles;
  dense.out.channels /= bundles;
  dense.groups = 1;
  return dense;
}

/// The channels [first, first + width) of every pixel, `channels` apart, to or from rows of `width`.
struct channel_slice {
  index_t pixels, channels, first, width;

  template <class T>
  void take(const T* from, T* to) const {
    for_each_row(
        [&](index_t pixel) { std::copy_n(from + pixel * channels + first, width, to + pixel * width); });
  }
  template <class T>
  void put(const T* from, T* to) const {
    for_each_row(
        [&](index_t pixel) { std::copy_n(from + pixel * width, width, to + pixel * channels + first); });
  }

 private:
  template <class F>
  void for_each_row(const F& f) const {
    for_each_block(pixels, std::max<index_t>(1, block_elements / width), [&](index_t begin, index_t count) {
      for (index_t pixel = begin; pixel < begin + count; ++pixel) f(pixel);
    });
  }
};

template <class T>
struct bundled_conv2d {
  static constexpr index_t scratch_size(const conv2d_problem& p) {
    const conv2d_problem b = bundle_of(p);
    return dense::scratch_size(b) + packed_size(p) + floats(b.samples * b.in.size()) +
           floats(b.samples * b.out.size()) + b.weight_size();
  }

  /// Every bundle's, then room for the weights of one.
  static constexpr index_t packed_size(const conv2d_problem& p) {
    const conv2d_problem b = bundle_of(p);
    return bundles(p) * dense::packed_size(b) + b.weight_size();
  }
  static void pack(const conv2d_problem& p, const float* w, float* packed) {
    const conv2d_problem b = bundle_of(p);
    float* const weights = packed + bundles(p) * dense::packed_size(b);
    for (index_t i = 0; i < bundles(p); ++i) {
      gather_weights(p, i, w, weights);
      dense::pack(b, weights, packed + i * dense::packed_size(b));
    }
  }

  static void forward(const conv2d_problem& p, const T* x, const float* w, const float* bias, T* y,
                      float* scratch) {
    pack(p, w, scratch);
    forward_packed(p, x, scratch, bias, y, scratch + packed_size(p));
  }
  static void forward_packed(const conv2d_problem& p, const T* x, const float* packed, const float* bias,
                             T* y, float* scratch) {
    const conv2d_problem b = bundle_of(p);
    const copies c(b, scratch);
    for (index_t i = 0; i < bundles(p); ++i) {
      inputs(p, i).take(x, c.x);
      dense::forward_packed(b, c.x, packed + i * dense::packed_size(b),
                            bias != nullptr ? bias + i * b.out.channels : nullptr, c.y, c.rest);
      outputs(p, i).put(c.y, y);
    }
  }

  static void backward_data(const conv2d_problem& p, const T* dy, const float* w, T* dx, bool accumulate,
                            float* scratch) {
    const conv2d_problem b = bundle_of(p);
    const copies c(b, scratch);
    for (index_t i = 0; i < bundles(p); ++i) {
      outputs(p, i).take(dy, c.y);
      if (accumulate) inputs(p, i).take(static_cast<const T*>(dx), c.x);
      gather_weights(p, i, w, c.w);
      dense::backward_data(b, c.y, c.w, c.x, accumulate, c.rest);
      inputs(p, i).put(static_cast<const T*>(c.x), dx);
    }
  }

  static void backward_weights(const conv2d_problem& p, const T* x, const T* dy, float* dw, float* dbias,
                               float* scratch) {
    const conv2d_problem b = bundle_of(p);
    const copies c(b, scratch);
    for (index_t i = 0; i < bundles(p); ++i) {
      inputs(p, i).take(x, c.x);
      outputs(p, i).take(dy, c.y);
      std::fill_n(c.w, b.weight_size(), 0.0F);
      dense::backward_weights(b, c.x, c.y, c.w, dbias != nullptr ? dbias + i * b.out.channels : nullptr,
                              c.rest);
      for_each_weight_row(p, i, [&](index_t of_bundle, index_t of_all, index_t count) {
        for (index_t o = 0; o < count; ++o) dw[of_all + o] += c.w[of_bundle + o];
      });
    }
  }

 private:
  using dense = dense_conv2d<T>;

  // Copies of one bundle in scratch.
  struct copies {
    T *x, *y;
    float *w, *rest;
    copies(const conv2d_problem& b, float* scratch)
        : x(reinterpret_cast<T*>(scratch)),
          y(reinterpret_cast<T*>(scratch + floats(b.samples * b.in.size()))),
          w(scratch + floats(b.samples * b.in.size()) + floats(b.samples * b.out.size())),
          rest(w + b.weight_size()) {}
  };

  /// Floats that hold `count` activations.
  static constexpr index_t floats(index_t count) {
    return (count * static_cast<index_t>(sizeof(T)) + 3) / static_cast<index_t>(sizeof(float));
  }
  static constexpr index_t bundles(const conv2d_problem& p) { return p.groups / bundled_groups(p); }
  static channel_slice inputs(const conv2d_problem& p, index_t bundle) {
    const index_t width = p.in.channels / bundles(p);
    return {p.samples * p.in.height * p.in.width, p.in.channels, bundle * width, width};
  }
  static channel_slice outputs(const conv2d_problem& p, index_t bundle) {
    const index_t width = p.out.channels / bundles(p);
    return {p.samples * p.out.height * p.out.width, p.out.channels, bundle * width, width};
  }

  // f(first weight in the bundle's dense matrix, first weight in w, outputs) for every tap and input of the bundle.
  template <class F>
  static void for_each_weight_row(const conv2d_problem& p, index_t bundle, const F& f) {
    const index_t groups = bundled_groups(p), in = p.in.channels / p.groups, out = p.out.channels / p.groups;
    for (index_t tap = 0; tap < p.kernel * p.kernel; ++tap)
      for (index_t g = 0; g < groups; ++g)
        for (index_t i = 0; i < in; ++i)
          f(((tap * groups + g) * in + i) * groups * out + g * out,
            (tap * in + i) * p.out.channels + (bundle * groups + g) * out, out);
  }
  // The dense weights of one bundle.
  static void gather_weights(const conv2d_problem& p, index_t bundle, const float* w, float* to) {
    std::fill_n(to, bundle_of(p).weight_size(), 0.0F);
    for_each_weight_row(p, bundle, [&](index_t of_bundle, index_t of_all, index_t count) {
      std::copy_n(w + of_all, count, to + of_bundle);
    });
  }
};

}  // namespace spankey::cpu
