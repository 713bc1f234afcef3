// Problems and operands of the kernels of tokens, which lie channels last, (N, T, C): an image of T rows and one column.
#pragma once

#include <cmath>

#include "spankey/core/bf16.hpp"
#include "spankey/core/host_device.hpp"
#include "spankey/core/shape.hpp"
#include "spankey/core/token.hpp"

namespace spankey {

/// A row for every one of `tokens` places of a sample, to which a trained position is added; the first may be a trained
/// class token, which no row of x belongs to.
struct tokens_problem {
  index_t samples, tokens, channels;
  bool class_token = false;

  /// Rows of x a sample.
  [[nodiscard]] constexpr index_t inputs() const { return class_token ? tokens - 1 : tokens; }
};

/// `rows` tokens of a vocabulary, each two numbers, and a table of a row of `channels` for every token.
struct embedding_problem {
  index_t rows, vocabulary, channels;

  /// The row of the table; a token that is none is the last one.
  template <class T>
  SPANKEY_HOST_DEVICE [[nodiscard]] constexpr index_t token(const T* x) const {
    const index_t found = read_token(x);
    return found >= 0 && found < vocabulary ? found : vocabulary - 1;
  }
};

/// Attention of every sample's `tokens` tokens among each other, in `heads` heads of `size` channels. Causal: a token sees
/// itself and those before it.
struct attention_problem {
  index_t samples, tokens, heads, size;
  bool causal = false;

  [[nodiscard]] constexpr index_t channels() const { return heads * size; }
  /// Sums of exponentials: one of every sample, head and token.
  [[nodiscard]] constexpr index_t rows() const { return samples * heads * tokens; }
  /// What products of queries and keys are multiplied with.
  template <class T>
  [[nodiscard]] T scale() const {
    return T(1) / std::sqrt(static_cast<T>(size));
  }
};

/// Operands of attention_kernels: x (N, T, 3C), every token's queries, keys and values in this order, heads side by side in
/// each; y and dy (N, T, C); lse (N, heads, T), the logarithm of a row's sum of exponentials.
template <class T>
struct attention_forward_operands {
  const T* x;
  T* y;
  master_t<T>* lse;  // written
};
template <class T>
struct attention_backward_operands {
  const T *x, *y, *dy;
  const master_t<T>* lse;
  T* dx;  // =
};

}  // namespace spankey
