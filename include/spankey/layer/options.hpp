// What layers are told beside their shapes, with PyTorch's defaults where it has some.
#pragma once

#include "spankey/core/shape.hpp"
#include "spankey/layer/parameter.hpp"

namespace spankey {

enum class bias { none, learned };

/// `same`: zeros around the image, so that stride 1 keeps its size; an even window has one more at the bottom and
/// right, as in PyTorch. `none`: windows stay inside.
enum class padding { same, none };

/// Windows of kernel x kernel, 1 to 7, or to 16 where they lie side by side: patches, which stay inside. Channels are cut
/// into `groups` parts, each with weights of its own: as many groups as channels make a depthwise convolution.
struct conv2d_options {
  index_t kernel = 3, stride = 1;
  padding pad = padding::same;
  index_t groups = 1;
  spankey::bias bias = spankey::bias::none;
  initialiser fill = initialiser::he_normal;
  bool draws_bias = false;  // from U(-1/sqrt(fan_in), 1/sqrt(fan_in)), as torch.nn.Conv2d; else zeros

  /// Zeros before the first row and column.
  [[nodiscard]] constexpr index_t before() const { return pad == padding::same ? (kernel - 1) / 2 : 0; }
  /// Of `extent` rows or columns.
  [[nodiscard]] constexpr index_t output_of(index_t extent) const {
    const index_t around = pad == padding::same ? kernel - 1 : 0;
    return extent + around < kernel ? 0 : (extent + around - kernel) / stride + 1;
  }
  [[nodiscard]] constexpr bool fits(index_t in, index_t out) const {
    const bool patches = kernel == stride && pad == padding::none;
    return kernel >= 1 && kernel <= (patches ? 16 : 7) && stride >= 1 && groups >= 1 && in % groups == 0 &&
           out >= 1 && out % groups == 0;
  }
};

/// Windows of a max-pool; `padding` places on every side, at most half a window.
struct pool2d_options {
  index_t kernel = 2, stride = 2, padding = 0;

  [[nodiscard]] constexpr index_t output_of(index_t extent) const {
    return extent + 2 * padding < kernel ? 0 : (extent + 2 * padding - kernel) / stride + 1;
  }
  [[nodiscard]] constexpr bool fits() const {
    return kernel >= 1 && stride >= 1 && padding >= 0 && 2 * padding <= kernel;
  }
};

/// `scale`: a trained factor a channel; `shift`: a trained summand.
struct batch_norm_options {
  double epsilon = 1e-5, momentum = 0.1;
  bool scale = true, shift = true;
};
/// `scale`: a trained factor and summand a channel, or neither. Not centred, an RMS norm: no mean is taken off, and there is
/// no summand.
struct layer_norm_options {
  double epsilon = 1e-5;
  bool scale = true;
  bool centred = true;
};

/// `class_token`: a trained token in front of those of the image. `positions`: how many there are, of which the first are used
/// (0: as many as tokens). `as_matrix`: files hold them as (T, C), not (1, T, C).
struct tokens_options {
  bool class_token = false;
  index_t positions = 0;
  bool as_matrix = false;

  [[nodiscard]] constexpr extents output_of(const extents& in) const {
    return {in.channels, in.height * in.width + (class_token ? 1 : 0), 1};
  }
};
/// `heads` of queries; Causal: a token sees itself and those before it. `kv_heads`, of keys and values, divides them; 0: as many.
struct attention_options {
  index_t heads = 1;
  bool causal = false;
  index_t kv_heads = 0;

  /// Heads of queries, keys and values that lie side by side in a token.
  [[nodiscard]] constexpr index_t parts() const { return heads + 2 * (kv_heads > 0 ? kv_heads : heads); }
  /// Of {3C, T, 1}, or of fewer channels where queries are grouped.
  [[nodiscard]] constexpr bool fits(const extents& in) const {
    return heads >= 1 && kv_heads >= 0 && (kv_heads == 0 || heads % kv_heads == 0) && in.width == 1 &&
           in.channels % parts() == 0;
  }
  [[nodiscard]] constexpr index_t outputs(const extents& in) const { return in.channels / parts() * heads; }
};
/// The first `heads` heads, of `size` channels each, an even number.
struct rotary_options {
  index_t heads = 1, size = 2;
  double theta = 10000;

  [[nodiscard]] constexpr bool fits(const extents& in) const {
    return heads >= 1 && size >= 2 && size % 2 == 0 && theta > 0 && in.width == 1 &&
           heads * size <= in.channels;
  }
};
/// Outputs of maps side by side.
struct joint_outputs {
  static constexpr std::size_t most = 3;
  index_t of[most] = {};

  constexpr index_t operator[](std::size_t i) const { return of[i]; }
  /// 0 where a layer is one map.
  [[nodiscard]] constexpr std::size_t count() const {
    std::size_t found = 0;
    while (found < most && of[found] > 0) ++found;
    return found;
  }
  [[nodiscard]] constexpr index_t total() const {
    index_t sum = 0;
    for (std::size_t i = 0; i < count(); ++i) sum += of[i];
    return sum;
  }
};

/// `gain` multiplies fresh weights. A head that is to multiply its logits by s is one whose weights are s times as large,
/// and whose group learns s^2 times as fast (optim/parameter_group.hpp): the same network, step for step.
/// Of a map of tokens, `inputs_first`: files hold its weights as (inputs, outputs), as Hugging Face's Conv1D; `shift`: whether
/// it has a bias.
/// `rank`: of adapters beside the weights (layer/low_rank.hpp), 0: none; `alpha` / rank is what they are multiplied with.
struct linear_options {
  initialiser fill = initialiser::uniform_fan_in;
  double gain = 1;
  bool inputs_first = false;
  index_t rank = 0;
  double alpha = 16;
  bool shift = true;

  [[nodiscard]] constexpr double adapter_scale() const { return alpha / static_cast<double>(rank); }
};

}  // namespace spankey
