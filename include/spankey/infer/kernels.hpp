// The arithmetic of one sample without a backend: plain loops that need no memory but a row or two of scratch, for
// processors without vector kernels.
//   y(oh, ow, o) = b(o) + scale(o) sum over kh, kw, i of x(oh*s + kh - p, ow*s + kw - p, i) w(kh, kw, i, o)
// x, y channels last; w as float, bf16 or int8 (whole numbers of scale(o)), sums always float. Of a network of tokens w may be
// in blocks (core/int8_blocks.hpp).
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <type_traits>

#include "spankey/backend/reference/activation.hpp"
#include "spankey/core/bf16.hpp"
#include "spankey/core/int8_blocks.hpp"
#include "spankey/infer/operation.hpp"

namespace spankey::infer {

template <class Weight>
inline constexpr bool in_blocks = std::is_same_v<Weight, int8_blocks>;
/// Of whole numbers: one an output, or one a block.
template <class Weight>
using scale_of = std::conditional_t<in_blocks<Weight>, bf16, float>;

/// Weights of one operation, in place. Only whole numbers have scales.
template <class Weight>
struct weight_view {
  const Weight* weights = nullptr;
  const float* bias = nullptr;
  const scale_of<Weight>* scale = nullptr;

  /// Number c of a vector, such as a norm's; int8's is a whole one of scale(c).
  [[nodiscard]] float of_vector(index_t c) const {
    if constexpr (in_blocks<Weight>) {
      return reinterpret_cast<const float*>(weights)[c];
    } else {
      return static_cast<float>(weights[c]);
    }
  }
};

/// What a key does to an activation: each element is multiplied by the number that acts on it, that number is added, or both
/// (shifts, or null: of channels, as the factors beside them are). Null: no key.
struct key_effect {
  const float* values = nullptr;
  bool multiplies = false;
  key_shape key = key_shape::element;
  index_t channels = 1;
  const float* shifts = nullptr;

  [[nodiscard]] float apply(float x, index_t i) const {
    if (values == nullptr) return x;
    if (shifts != nullptr) return x * values[i % channels] + shifts[i % channels];
    const float k = values[key == key_shape::element   ? i
                           : key == key_shape::channel ? i % channels
                                                       : i / channels];
    return multiplies ? x * k : x + k;
  }
};

/// act(v); a NaN stays a NaN.
inline float activated(activation act, float v) {
  if (act == activation::relu) return v < 0 ? 0 : v;
  return act == activation::identity ? v : activation_kernels<backend::reference, float>::value(act, v);
}

/// The larger of both, or the one that is a NaN: none is lost in a pool on its way to the logits.
inline float larger(float a, float b) { return a > b || a != a ? a : b; }

/// Sums of row `oh` of a convolution into out (W, O), before scale and bias.
template <class Weight>
void convolve_row(const operation& op, const float* x, const Weight* w, index_t oh, float* out) {
  const extents whole = op.convolved;
  const index_t inputs = op.in.channels / op.groups, outputs = op.channels / op.groups;  // of a group
  std::fill_n(out, whole.width * op.channels, 0.0F);
  for (index_t ow = 0; ow < whole.width; ++ow) {
    float* const sum = out + ow * op.channels;
    for (index_t kh = 0; kh < op.kernel; ++kh) {
      const index_t ih = oh * op.stride + kh - op.padding;
      if (ih < 0 || ih >= op.in.height) continue;
      for (index_t kw = 0; kw < op.kernel; ++kw) {
        const index_t iw = ow * op.stride + kw - op.padding;
        if (iw < 0 || iw >= op.in.width) continue;
        const float* const pixel = x + (ih * op.in.width + iw) * op.in.channels;
        const Weight* row = w + (kh * op.kernel + kw) * inputs * op.channels;
        for (index_t i = 0; i < inputs; ++i, row += op.channels) {
          if (op.groups == 1) {
            const float value = pixel[i];
            if (value == 0) continue;  // half of what a ReLU leaves
            for (index_t o = 0; o < op.channels; ++o) sum[o] += value * static_cast<float>(row[o]);
          } else {
            for (index_t o = 0; o < op.channels; ++o)
              sum[o] += pixel[o / outputs * inputs + i] * static_cast<float>(row[o]);
          }
        }
      }
    }
  }
}

/// y(o) = sum over c of x(c) w(o, c), of rows in blocks; x stays as it is.
inline void multiply_blocks(const operation& op, const float* x, const weight_view<int8_blocks>& w,
                            float* y) {
  const index_t blocks = blocks_of(op.in.channels);
  for (index_t o = 0; o < op.channels; ++o) {
    y[o] = 0;
    for (index_t k = 0; k < blocks; ++k) {
      const index_t first = k * numbers_of_block, left = op.in.channels - first;
      const int8_blocks* const q = w.weights + (o * blocks + k) * numbers_of_block;
      float sum = 0;
      for (index_t i = 0; i < (left < numbers_of_block ? left : numbers_of_block); ++i)
        sum += x[first + i] * static_cast<float>(q[i]);
      y[o] += sum * w.scale[o * blocks + k];
    }
  }
}

/// Row `oh` of a layer norm into out (W, C), before scale and shift.
inline void normalise_row(const operation& op, const float* x, index_t oh, float* out) {
  const index_t channels = op.channels;
  for (index_t w = 0; w < op.in.width; ++w) {
    const float* const from = x + (oh * op.in.width + w) * channels;
    float* const to = out + w * channels;
    float mean = 0, variance = 0;
    for (index_t c = 0; op.centred && c < channels; ++c) mean += from[c];
    mean /= static_cast<float>(channels);
    for (index_t c = 0; c < channels; ++c) variance += (from[c] - mean) * (from[c] - mean);
    const float rstd = 1 / std::sqrt(variance / static_cast<float>(channels) + op.epsilon);
    for (index_t c = 0; c < channels; ++c) to[c] = (from[c] - mean) * rstd;
  }
}

/// A row (W, C) of an elementwise operation or a layer norm, times w where it has one; `to` may be `from`.
template <class Weight>
void scale_row(const operation& op, const float* from, const weight_view<Weight>& w, float* to) {
  const index_t count = op.in.width * op.channels;
  for (index_t i = 0; i < count; ++i) {
    to[i] = from[i];
    if (op.has_weights()) to[i] *= w.of_vector(i % op.channels);
  }
}

/// From a row of sums to activations before the pool: scale, bias, residual, a site that stands before the activation,
/// the activation, and a site behind it where no pool stands between. `first` is the row's first element in the output.
template <class Weight>
void finish_row(const operation& op, const weight_view<Weight>& w, const float* residual,
                const key_effect& key, index_t first, float* row) {
  const index_t count = op.convolved.width * op.channels;
  for (index_t i = 0; i < count; ++i) {
    const index_t o = i % op.channels;
    float v = row[i];
    if (op.has_weights()) {
      if constexpr (std::is_same_v<Weight, std::int8_t>) v *= w.scale[o];
      v += w.bias[o];
    }
    if (residual != nullptr) v += residual[first + i];
    if (op.site_first) v = key.apply(v, first + i);
    v = activated(op.act, v);
    if (!op.site_first && !op.halves) v = key.apply(v, first + i);
    row[i] = v;
  }
}

/// One convolution, layer norm or elementwise operation; `scratch` holds a row of sums, or two where a pool follows. y
/// may be the residual.
template <class Weight>
void convolve(const operation& op, const float* x, const weight_view<Weight>& w, const float* residual,
              const key_effect& key, float* y, float* scratch) {
  const extents whole = op.convolved, out = op.out();
  const index_t row_size = whole.width * op.channels;
  const auto make_row = [&](index_t oh, float* row) {
    if (op.kind == operation_kind::convolution) {
      if constexpr (in_blocks<Weight>) {
        multiply_blocks(op, x, w, row);  // of one token
      } else {
        convolve_row(op, x, w.weights, oh, row);
      }
    } else if (op.kind == operation_kind::layer_norm) {
      normalise_row(op, x, oh, row);
      scale_row(op, row, w, row);
    } else {
      scale_row(op, x + oh * row_size, w, row);
    }
    finish_row(op, w, residual, key, oh * row_size, row);
  };
  if (!op.halves) {
    for (index_t oh = 0; oh < whole.height; ++oh) {
      make_row(oh, scratch);
      std::copy_n(scratch, row_size, y + oh * row_size);
    }
    return;
  }
  for (index_t oh = 0; oh < out.height; ++oh) {
    for (index_t part = 0; part < 2; ++part) {
      make_row(2 * oh + part, scratch + part * row_size);
    }
    for (index_t ow = 0; ow < out.width; ++ow) {
      for (index_t o = 0; o < op.channels; ++o) {
        const float* const corner = scratch + 2 * ow * op.channels + o;
        const float upper = larger(corner[0], corner[op.channels]);
        const float lower = larger(corner[row_size], corner[row_size + op.channels]);
        const index_t i = (oh * out.width + ow) * op.channels + o;
        const float most = larger(upper, lower);
        y[i] = op.site_first ? most : key.apply(most, i);
      }
    }
  }
}

/// y = the largest of every window of x; what lies outside the image is never it.
inline void largest(const operation& op, const float* x, float* y) {
  const pool2d_problem p{1, op.in, op.convolved, op.kernel, op.stride, op.padding};
  for (index_t oh = 0; oh < p.out.height; ++oh)
    for (index_t ow = 0; ow < p.out.width; ++ow)
      for (index_t c = 0; c < op.channels; ++c) {
        const auto rows = p.places_of(oh, p.in.height), columns = p.places_of(ow, p.in.width);
        float top = x[(rows.begin * p.in.width + columns.begin) * op.channels + c];
        for (index_t h = rows.begin; h < rows.end; ++h)
          for (index_t w = columns.begin; w < columns.end; ++w)
            top = larger(x[(h * p.in.width + w) * op.channels + c], top);
        y[(oh * p.out.width + ow) * op.channels + c] = top;
      }
}

/// y = x + w: a row of every token.
template <class Weight>
void add_positions(const operation& op, const float* x, const weight_view<Weight>& w, float* y) {
  const index_t channels = op.channels, count = op.convolved.size();
  const index_t begin = count - op.in.size();  // of what the class token takes
  for (index_t i = 0; i < count; ++i) {
    y[i] = static_cast<float>(w.weights[i]);
    if constexpr (std::is_same_v<Weight, std::int8_t>) y[i] *= w.scale[i % channels];
    if (i >= begin) y[i] += x[i - begin];
  }
}

/// y(c) = mean of x(h, w, c).
inline void average(const operation& op, const float* x, float* y) {
  const index_t area = op.in.height * op.in.width;
  std::fill_n(y, op.in.channels, 0.0F);
  for (index_t i = 0; i < area; ++i)
    for (index_t c = 0; c < op.in.channels; ++c) y[c] += x[i * op.in.channels + c];
  for (index_t c = 0; c < op.in.channels; ++c) y[c] /= static_cast<float>(area);
}

}  // namespace spankey::infer
