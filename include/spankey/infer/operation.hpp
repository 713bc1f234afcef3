// One operation of an inference session, and what it stands for in the list of layers.
//
//   convolution   y = after(conv(x, w) + b + addend); a linear map is a convolution as large as its input; a batch norm
//                 behind it is folded into w and b (infer/make_image.hpp)
//   elementwise   y = after(x + addend), or after(x w(c) + b(c) + addend) for a batch norm that stands by itself
//   layer_norm    y = after(layer norm of every position of x, with scale w and shift b, where it has them)
//   max_pool      y = the largest of every window of x
//   mean          y = mean of x over H and W
//   tokens        y = x + w, a row of w for every token; the class token, which has no row of x, is one of w already
//   token         y = one token of x
//   attention     y = attention among the tokens of x          rotary        y = x, its first heads turned by their position
//   gated         y = act(g) u, x being g and u
//   embedding     y = a row of w for a token             token_head    y = w x, w of the embedding, the first operation
// A network of tokens (model/gpt.hpp) reads one after another: its operations are those of one token, whose place in the
// window decides the row of positions, what a key of the window does, and how many keys and values its attention has kept.
// after is, in this order: a site before the activation, the activation, 2x2 max-pool, a site behind them.
// Activations of one sample lie in slots. An operation reads one slot, may add a second and writes one, which may be
// the one that it adds.
#pragma once

#include "spankey/backend/backend.hpp"
#include "spankey/core/key_shape.hpp"
#include "spankey/core/shape.hpp"
#include "spankey/layer/options.hpp"

namespace spankey::infer {

enum class operation_kind : unsigned char {
  convolution,
  elementwise,
  layer_norm,
  max_pool,
  mean,
  tokens,
  token,
  attention,
  rotary,
  gated,
  embedding,
  token_head
};

/// Kinds of operations that a network has, a bit each: where the compiler knows them, code for the others is not there.
using kind_set = unsigned;
constexpr kind_set only(operation_kind kind) { return 1U << static_cast<unsigned>(kind); }
inline constexpr kind_set every_kind = ~0U;
/// A bit beside them: keys may be read (inject/reading.hpp).
inline constexpr kind_set read_keys = 1U << 31U;
constexpr bool reads_tokens(kind_set kinds) { return (kinds & only(operation_kind::embedding)) != 0; }

inline constexpr int no_slot = -1, no_site = -1, no_entry = -1;

struct operation {
  operation_kind kind = operation_kind::convolution;
  extents in{};
  index_t channels = 0;  // of the output
  index_t kernel = 1, stride = 1, padding = 0, groups = 1;
  extents convolved{};  // the output before its pool
  activation act = activation::identity;
  bool halves = false;      // 2x2 max-pool
  bool site_first = false;  // the site stands before the activation
  int site = no_site;
  key_shape key = key_shape::element;  // of the site
  float epsilon = 0;                   // of a layer norm
  bool centred = true;                 // of a layer norm; else an RMS norm
  attention_options attention{};
  rotary_options rotary{};
  index_t token = 0;       // the one that is taken
  index_t context = 0;     // most tokens of a window of a network of tokens; of others 0
  index_t vocabulary = 0;  // rows of an embedding
  index_t cache = 0;       // where an attention keeps keys and values of the window, in floats
  int reads = 0, adds = no_slot, writes = 1;
  // Entries of the list of layers: whose weights, and which batch norm is folded into them or stands alone.
  int entry = no_entry, norm = no_entry;

  [[nodiscard]] constexpr extents out() const {
    return halves ? extents{convolved.channels, convolved.height / 2, convolved.width / 2} : convolved;
  }
  [[nodiscard]] constexpr bool has_weights() const { return entry != no_entry || norm != no_entry; }
  [[nodiscard]] constexpr index_t weight_count() const {
    if (kind == operation_kind::convolution) return kernel * kernel * (in.channels / groups) * channels;
    if (kind == operation_kind::tokens) return context > 0 ? context * channels : convolved.size();
    if (kind == operation_kind::embedding) return vocabulary * channels;
    if (kind == operation_kind::token_head) return 0;
    return has_weights() ? channels : 0;
  }
  [[nodiscard]] constexpr index_t bias_count() const { return has_weights() ? channels : 0; }
  [[nodiscard]] constexpr tokens_problem tokens() const {
    return {1, convolved.height, channels, convolved.height > in.height * in.width};
  }
  /// Floats that an attention of one token at a time keeps: a key and a value of every token of the window.
  [[nodiscard]] constexpr index_t cache_size() const {
    return kind == operation_kind::attention ? 2 * context * heads().key_channels() : 0;
  }
  [[nodiscard]] constexpr attention_problem heads() const {
    return {1, in.height, attention.heads, channels / attention.heads, attention.causal, attention.kv_heads};
  }
  [[nodiscard]] constexpr rotary_problem turns(index_t first) const {
    return {1, in.height, channels, rotary.heads, rotary.size, rotary.theta, first};
  }
  [[nodiscard]] constexpr gated_problem gates() const { return {in.height * in.width, channels}; }
  /// One product of all elements of x.
  [[nodiscard]] constexpr bool is_linear() const {
    return kind == operation_kind::convolution && padding == 0 && groups == 1 && kernel == in.height &&
           kernel == in.width && convolved.height == 1 && convolved.width == 1;
  }
};

}  // namespace spankey::infer
