// Backend tags, and what a backend provides.
//
// A backend is a tag; its kernels are specialisations, one struct per operation, found by (tag, scalar):
//   conv2d_kernels  batch_norm_kernels  layer_norm_kernels  activation_kernels  pool2d_kernels  linear_kernels
//   tokens_kernels  attention_kernels  embedding_kernels  inject_kernels  dropout_kernels  elementwise_kernels  update_kernels
//   row_kernels (of inference)
// and, where the memory is not the host's, loss_kernels (backend/loss.hpp),
// each in a header of the operation's name under backend/<tag>/. Layers call nothing else, so a new backend
// needs no change outside its folder. backend/reference/ is the specification: plain loops, one formula each.
//
// Every kernel takes channels-last activations, convolution weights as (kernel H, kernel W, I, O) and linear
// weights as (I, O), and says for each output whether it overwrites (=) or accumulates (+=). Activations and their
// gradients are T; parameters, their gradients, statistics, keys and scratch are master_t<T> (core/bf16.hpp).
#pragma once

#include <cmath>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "spankey/backend/norms.hpp"
#include "spankey/backend/tokens.hpp"
#include "spankey/core/bf16.hpp"
#include "spankey/core/shape.hpp"

namespace spankey {

namespace backend {
/// Naive loops in float or double: readable, exact, no dependency.
struct reference {
  static constexpr std::string_view name = "reference";
};
/// Multicore CPU: oneTBB outside, vector kernels or single-threaded BLAS inside; float and bf16.
struct cpu {
  static constexpr std::string_view name = "cpu";
};
/// NVIDIA GPU: float and bf16, in device memory. Its kernels are in backend/cuda/ and, compiled, in spankey::cuda.
struct cuda {
  static constexpr std::string_view name = "cuda";
};
}  // namespace backend

/// One 2-d convolution in `groups` equal groups of channels, with weights (kernel, kernel, I/groups, O):
///   y(n, oh, ow, o) = sum over kh, kw, i of x(n, oh*stride + kh - padding, ow*stride + kw - padding, g I/groups + i) *
///                     w(kh, kw, i, o)
/// o being one of the O/groups outputs of group g. x is 0 outside the image: `padding` rows and columns count from its top
/// and left, and beyond its other sides a window reaches as far as `out` takes it.
struct conv2d_problem {
  index_t samples;
  extents in, out;
  index_t kernel, stride, padding;
  index_t groups = 1;

  [[nodiscard]] constexpr index_t weight_size() const {
    return kernel * kernel * (in.channels / groups) * out.channels;
  }
  /// Multiplications and additions of one pass.
  [[nodiscard]] constexpr double flops() const {
    return 2.0 * static_cast<double>(samples * out.height * out.width) * static_cast<double>(weight_size());
  }
};

/// One max pooling: y(n, oh, ow, c) is the largest x(n, h, w, c) in a window of kernel x kernel places whose first one is
/// (oh*stride - padding, ow*stride - padding). Places outside the image count as minus infinity.
struct pool2d_problem {
  index_t samples;
  extents in, out;  // of as many channels
  index_t kernel = 2, stride = 2, padding = 0;

  /// Places or windows [begin, end) of one axis; none where end <= begin.
  struct range {
    index_t begin, end;
  };
  /// Places of an axis of `size` that a window holds, and windows of an axis of `count` that hold a place.
  [[nodiscard]] constexpr range places_of(index_t window, index_t size) const {
    const index_t first = window * stride - padding;
    return {first > 0 ? first : 0, first + kernel < size ? first + kernel : size};
  }
  [[nodiscard]] constexpr range windows_at(index_t place, index_t count) const {
    const index_t before = place + padding - kernel, last = (place + padding) / stride + 1;
    return {before < 0 ? 0 : before / stride + 1, last < count ? last : count};
  }
  /// 2 x 2 side by side, odd last rows and columns dropped.
  [[nodiscard]] constexpr bool halves() const {
    return kernel == 2 && stride == 2 && padding == 0 && out.height == in.height / 2 &&
           out.width == in.width / 2;
  }
};

/// What activation_kernels compute; backend/reference/activation.hpp has the formulas.
enum class activation { identity, relu, gelu, gelu_tanh, silu };

/// A linear map: y (n, out) = x (n, in) w (in, out) + b (out). y and dy are T or master_t<T> (the logits).
struct linear_problem {
  index_t samples, in, out;
};

/// One dropout: element i is dropped where number first + i of (seed, stream::dropout, step) is below the threshold, with
/// `probability`, from 0 to 1; what stays is scaled so that its mean does. `first` keeps layers of one step apart.
struct dropout_problem {
  double probability;
  std::uint64_t seed = 0, step = 0, first = 0;

  /// Of numbers of 32 bits: 0 drops none, 2^32 all.
  [[nodiscard]] constexpr std::uint64_t threshold() const {
    return static_cast<std::uint64_t>(probability * 0x1p32 + 0.5);
  }
  [[nodiscard]] constexpr double scale() const { return probability < 1 ? 1 / (1 - probability) : 0; }
};

/// Keys of one group of samples at one site. data == nullptr: no key; stride 0: one key for all samples.
template <class T>
struct key_view {
  T* data = nullptr;
  index_t stride = 0;
};

/// One SGD update as PyTorch's torch.optim.SGD computes it (dampening 0).
struct sgd_update {
  double learning_rate = 0.1, momentum = 0, weight_decay = 0;
  bool nesterov = false;
  bool first_step = true;  // momentum buffer starts as the gradient
  double group_rate = 1;   // what the run's rate was multiplied with: a GPU has only that one when it runs
};

/// One Adam update as PyTorch's torch.optim.Adam computes it, or torch.optim.AdamW's where the decay is decoupled.
struct adam_update {
  double learning_rate = 1e-3, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weight_decay = 0;
  bool decoupled = false;
  std::uint64_t step = 1;  // counted from 1: both moments then start at 0, whatever their buffers hold
  double group_rate = 1;   // as sgd_update's

  /// What multiplies the first moment: lr / (1 - beta1^step).
  [[nodiscard]] double step_size() const {
    return learning_rate / (1 - std::pow(beta1, static_cast<double>(step)));
  }
  /// What divides the root of the second moment: sqrt(1 - beta2^step).
  [[nodiscard]] double root_correction() const {
    return std::sqrt(1 - std::pow(beta2, static_cast<double>(step)));
  }
};

/// True where the kernels of (Backend, Scalar) are included; specialised beside them.
template <class Backend, class Scalar>
inline constexpr bool has_kernels = false;

template <class Backend, class Scalar>
constexpr void require_backend() {
  static_assert(
      !std::is_same_v<Backend, backend::cuda> || has_kernels<Backend, Scalar>,
      "SpanKey: backend::cuda is selected but its kernels are not included, or not for this scalar: "
      "include spankey/cuda.hpp, link spankey::cuda, and compute in float or bf16");
  static_assert(std::is_same_v<Backend, backend::cuda> || has_kernels<Backend, Scalar>,
                "SpanKey: this backend has no kernels for this scalar, or its header is not included: "
                "backend::reference computes in float and double (spankey/backend/reference/reference.hpp), "
                "backend::cpu in float and bf16 (spankey/backend/cpu/cpu.hpp)");
}

// Primary templates: reached only with a tag or scalar that has no kernels.
#define SPANKEY_DECLARE_KERNELS(name)            \
  template <class Backend, class Scalar>         \
  struct name {                                  \
    static_assert(has_kernels<Backend, Scalar>); \
  }
SPANKEY_DECLARE_KERNELS(conv2d_kernels);
SPANKEY_DECLARE_KERNELS(batch_norm_kernels);
SPANKEY_DECLARE_KERNELS(layer_norm_kernels);
SPANKEY_DECLARE_KERNELS(row_kernels);
SPANKEY_DECLARE_KERNELS(activation_kernels);
SPANKEY_DECLARE_KERNELS(pool2d_kernels);
SPANKEY_DECLARE_KERNELS(linear_kernels);
SPANKEY_DECLARE_KERNELS(tokens_kernels);
SPANKEY_DECLARE_KERNELS(attention_kernels);
SPANKEY_DECLARE_KERNELS(rotary_kernels);
SPANKEY_DECLARE_KERNELS(gated_kernels);
SPANKEY_DECLARE_KERNELS(embedding_kernels);
SPANKEY_DECLARE_KERNELS(inject_kernels);
SPANKEY_DECLARE_KERNELS(dropout_kernels);
SPANKEY_DECLARE_KERNELS(elementwise_kernels);
SPANKEY_DECLARE_KERNELS(update_kernels);
#undef SPANKEY_DECLARE_KERNELS

/// What (B, T) must provide; each operation is specified by its header under backend/reference/. Injection itself
/// takes any policy of inject/, so it is checked where a policy meets it.
template <class B, class T>
concept Backend = has_kernels<B, T> &&
    requires(const conv2d_problem& conv, const batch_norm_problem& norm, const layer_norm_problem& rows,
             const linear_problem& map, const pool2d_problem& pool, const extents& image,
             const tokens_problem& tokens, const attention_problem& heads, const embedding_problem& table,
             const rotary_problem& turns, const gated_problem& gates, const sgd_update& update,
             const adam_update& adam, index_t n, const T* in, T* out, const master_t<T>* w, master_t<T>* dw) {
  conv2d_kernels<B, T>::scratch_size(conv);
  conv2d_kernels<B, T>::forward(conv, in, w, w, out, dw);
  conv2d_kernels<B, T>::packed_size(conv);
  conv2d_kernels<B, T>::pack(conv, w, dw);
  conv2d_kernels<B, T>::forward_packed(conv, in, w, w, out, dw);
  conv2d_kernels<B, T>::backward_data(conv, in, w, out, true, dw);
  conv2d_kernels<B, T>::backward_weights(conv, in, in, dw, dw, dw);
  batch_norm_kernels<B, T>::scratch_size(norm);
  batch_norm_kernels<B, T>::forward_training(norm, activation::relu, batch_norm_forward_operands<T>{}, dw);
  batch_norm_kernels<B, T>::reapply(norm, activation::relu, batch_norm_forward_operands<T>{}, dw);
  batch_norm_kernels<B, T>::forward_evaluation(norm, activation::relu, batch_norm_forward_operands<T>{}, dw);
  batch_norm_kernels<B, T>::backward(norm, activation::relu, batch_norm_backward_operands<T>{}, dw);
  layer_norm_kernels<B, T>::scratch_size(rows);
  layer_norm_kernels<B, T>::forward(rows, layer_norm_forward_operands<T>{});
  layer_norm_kernels<B, T>::backward(rows, layer_norm_backward_operands<T>{}, dw);
  activation_kernels<B, T>::forward(activation::gelu, n, in, out);
  activation_kernels<B, T>::backward(activation::gelu, n, in, in, in, out);
  pool2d_kernels<B, T>::max_forward(pool, in, out);
  pool2d_kernels<B, T>::max_backward(pool, in, in, out);
  pool2d_kernels<B, T>::mean_forward(n, image, in, out);
  pool2d_kernels<B, T>::mean_backward(n, image, in, out);
  linear_kernels<B, T>::scratch_size(map);
  linear_kernels<B, T>::forward(map, in, w, w, dw, dw);
  linear_kernels<B, T>::backward_data(map, w, w, out, dw);
  linear_kernels<B, T>::backward_weights(map, in, w, dw, dw, dw);
  tokens_kernels<B, T>::forward(tokens, in, w, w, out);
  tokens_kernels<B, T>::backward(tokens, in, dw, dw, out);
  tokens_kernels<B, T>::take(tokens, n, in, out);
  tokens_kernels<B, T>::put(tokens, n, in, out);
  attention_kernels<B, T>::scratch_size(heads);
  attention_kernels<B, T>::forward(heads, attention_forward_operands<T>{}, dw);
  attention_kernels<B, T>::backward(heads, attention_backward_operands<T>{}, dw);
  rotary_kernels<B, T>::scratch_size(turns);
  rotary_kernels<B, T>::forward(turns, in, out, dw);
  rotary_kernels<B, T>::backward(turns, in, out, dw);
  gated_kernels<B, T>::forward(gates, activation::silu, in, out);
  gated_kernels<B, T>::backward(gates, activation::silu, in, in, out);
  embedding_kernels<B, T>::scratch_size(table);
  embedding_kernels<B, T>::forward(table, in, w, out);
  embedding_kernels<B, T>::backward(table, in, in, dw);
  embedding_kernels<B, T>::answers(table, in, w, dw, dw);
  embedding_kernels<B, T>::answers_data(table, w, w, out, dw);
  embedding_kernels<B, T>::answers_table(table, in, w, dw, dw);
  dropout_kernels<B, T>::forward(dropout_problem{}, n, in, out);
  dropout_kernels<B, T>::backward(dropout_problem{}, n, in, out);
  elementwise_kernels<B, T>::add(n, in, out);
  elementwise_kernels<B, T>::sum(n, in, in, out);
  elementwise_kernels<B, T>::copy_columns(n, n, in, n, out, n);
  inject_kernels<B, T>::add(n, in, out);
  inject_kernels<B, T>::scale(n, w, out);
  update_kernels<B, master_t<T>>::sgd(update, n, w, dw, dw);
  update_kernels<B, master_t<T>>::adam(adam, n, w, dw, dw, dw);
  update_kernels<B, master_t<T>>::zero(n, dw);
  update_kernels<B, master_t<T>>::squared_norm(n, w);
};

}  // namespace spankey
