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
/// itself and those before it. `kv_heads`: of keys and values, each of which serves as many queries' heads as lie side by
/// side (grouped queries); 0: as many as heads.
struct attention_problem {
  index_t samples, tokens, heads, size;
  bool causal = false;
  index_t kv_heads = 0;

  /// Of queries and outputs; of keys, and as many of values; of a token of x.
  [[nodiscard]] constexpr index_t channels() const { return heads * size; }
  [[nodiscard]] constexpr index_t key_channels() const { return (kv_heads > 0 ? kv_heads : heads) * size; }
  [[nodiscard]] constexpr index_t width() const { return channels() + 2 * key_channels(); }
  /// Heads of queries that share one of keys and values.
  [[nodiscard]] constexpr index_t group() const { return kv_heads > 0 ? heads / kv_heads : 1; }
  /// Where queries (0), keys (1) or values (2) of a head of queries begin in a token of x.
  [[nodiscard]] constexpr index_t part_of(index_t head, index_t which) const {
    return which == 0 ? head * size : channels() + (which - 1) * key_channels() + head / group() * size;
  }
  /// Sums of exponentials: one of every sample, head and token.
  [[nodiscard]] constexpr index_t rows() const { return samples * heads * tokens; }
  /// What products of queries and keys are multiplied with.
  template <class T>
  [[nodiscard]] T scale() const {
    return T(1) / std::sqrt(static_cast<T>(size));
  }
};

/// Operands of attention_kernels: x (N, T, width), every token's queries, keys and values in this order, heads side by side
/// in each; y and dy (N, T, C); lse (N, heads, T), the logarithm of a row's sum of exponentials.
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

/// Rotary positions of `tokens` tokens a sample of `channels` channels each: the first `heads` heads of `size` channels, an
/// even number, are turned; the others pass. The first token stands at position `first`.
struct rotary_problem {
  index_t samples, tokens, channels, heads, size;
  double theta = 10000;
  index_t first = 0;

  /// By how much pair i is turned a position.
  [[nodiscard]] double frequency(index_t i) const {
    return std::pow(theta, -2.0 * static_cast<double>(i) / static_cast<double>(size));
  }
  /// Cosines of all positions and pairs (T, size / 2), and behind them as many sines.
  [[nodiscard]] constexpr index_t table_size() const { return tokens * size; }
  template <class T>
  void write_table(T* table) const {
    const index_t half = size / 2;
    for (index_t i = 0; i < half; ++i) {
      const double turn = frequency(i);
      for (index_t t = 0; t < tokens; ++t) {
        const double angle = static_cast<double>(first + t) * turn;
        table[t * half + i] = static_cast<T>(std::cos(angle));
        table[(tokens + t) * half + i] = static_cast<T>(std::sin(angle));
      }
    }
  }
};

/// A gated activation of `rows` rows: gates and what they let through, `channels` of each.
struct gated_problem {
  index_t rows, channels;
};

}  // namespace spankey
