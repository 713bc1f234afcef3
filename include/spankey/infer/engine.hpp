// How a session runs one operation. Two engines, chosen by the model's backend:
//   backend::reference   plain loops over the weights in place (infer/kernels.hpp); prepares nothing
//   any other            the backend's own kernels: weights are packed once, when the session opens, into its memory
// Sizes are in floats; regions begin at multiples of image_alignment bytes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "spankey/backend/backend.hpp"
#include "spankey/backend/reference/attention.hpp"
#include "spankey/backend/reference/gated.hpp"
#include "spankey/backend/reference/rotary.hpp"
#include "spankey/infer/kernels.hpp"
#include "spankey/infer/token_kernels.hpp"
#include "spankey/infer/token_products.hpp"

namespace spankey::infer {

/// Everything that one operation reads and writes.
template <class Weight>
struct operands {
  const float* x;
  weight_view<Weight> weights;
  const float* prepared;  // what prepare() wrote
  const float* residual;  // null: none
  key_effect key;
  float* y;  // may be the residual
  float* scratch;
  token_place at;  // of a network of tokens
};

template <class Backend, class Weight>
struct engine {
  /// Floats of an operation's prepared weights.
  static constexpr index_t prepared_size(const operation& op) {
    if (is_affine(op)) return affine_vectors * op.channels;
    if (op.weight_count() == 0 || op.context > 0) return 0;
    if (op.kind == operation_kind::tokens) return op.weight_count() + op.channels;
    if (op.is_linear()) return copies ? op.weight_count() : 0;
    return conv::packed_size(problem(op));
  }
  static constexpr index_t scratch_size(const operation& op) {
    if (op.kind == operation_kind::token_head) return products::table_scratch(op);
    if (op.kind == operation_kind::rotary) return rotary_kernels<Backend, float>::scratch_size(op.turns(0));
    if (op.context > 0 && op.kind == operation_kind::attention) return op.attention.heads * op.context;
    if (op.kind == operation_kind::attention)
      return op.heads().rows() + attention_kernels<Backend, float>::scratch_size(op.heads());
    if (is_apart(op)) return 0;
    const index_t sums = is_affine(op)    ? 2 * op.in.height * op.in.width  // moments of a layer norm
                         : op.context > 0 ? products::map_scratch(op)
                         : op.is_linear() ? map::scratch_size(linear(op))
                                          : conv::scratch_size(problem(op));
    const index_t affine = is_affine(op) ? norm::scratch_size(rows(op)) + op.channels : 0;
    return std::max(op.convolved.size() + std::max(sums, affine),
                    copies && op.context == 0 ? op.weight_count() : 0);
  }
  static void prepare(const operation& op, const weight_view<Weight>& from, float* prepared, float* scratch) {
    if (is_affine(op)) return prepare_affine(op, from, prepared);
    if (op.context > 0) return;
    if (op.kind == operation_kind::tokens) return prepare_positions(op, from, prepared);
    if (op.weight_count() == 0 || (op.is_linear() && !copies)) return;
    const float* weights = nullptr;
    if constexpr (copies) {
      float* const widened = op.is_linear() ? prepared : scratch;
      for (index_t i = 0; i < op.weight_count(); ++i) {
        widened[i] = static_cast<float>(from.weights[i]);
        if constexpr (std::is_same_v<Weight, std::int8_t>) widened[i] *= from.scale[i % op.channels];
      }
      weights = widened;
    } else {
      weights = from.weights;
    }
    if (!op.is_linear()) conv::pack(problem(op), weights, prepared);
  }

  template <kind_set Kinds>
  static void run(const operation& op, const operands<Weight>& t) {
    if (is_apart(op)) return reads_tokens(Kinds) && op.context > 0 ? run_token(op, t) : run_apart(op, t);
    // Straight into y, unless a pool makes it smaller or it still holds the residual.
    const index_t count = op.convolved.size();
    float* const sums = op.halves || t.residual != nullptr ? t.scratch : t.y;
    float* const rest = t.scratch + count;
    if (op.kind == operation_kind::layer_norm) {
      normalise(op, t.x, t.prepared, sums, rest);
    } else if (op.kind == operation_kind::elementwise) {
      apply_affine(op, t.x, t.prepared, sums, rest);
    } else if (op.context > 0) {
      products::map(op, t.x, t.weights, sums, rest);
    } else if (op.is_linear()) {
      map::forward(linear(op), t.x, weights_of(t), t.weights.bias, sums, rest);
    } else {
      conv::forward_packed(problem(op), t.x, t.prepared, t.weights.bias, sums, rest);
    }
    if (op.site_first) apply(t.key, count, sums);
    float* const summed = op.halves || t.residual == nullptr ? sums : t.y;
    if (t.residual != nullptr) elementwise_kernels<Backend, float>::sum(count, sums, t.residual, summed);
    if (op.act != activation::identity)
      activation_kernels<Backend, float>::forward(op.act, count, summed, summed);
    if (op.halves) pool2d_kernels<Backend, float>::max_forward({1, op.convolved, op.out()}, sums, t.y);
    if (!op.site_first) apply(t.key, op.out().size(), t.y);
  }

 private:
  using conv = conv2d_kernels<Backend, float>;
  using map = linear_kernels<Backend, float>;
  using products = token_products<Backend, Weight>;
  using norm = batch_norm_kernels<Backend, float>;
  static constexpr bool copies = !std::is_same_v<Weight, float>;
  static constexpr index_t affine_vectors = 4;

  // Operations in whose pass nothing else is done.
  static constexpr bool is_apart(const operation& op) {
    return op.kind == operation_kind::mean || op.kind == operation_kind::max_pool ||
           op.kind == operation_kind::tokens || op.kind == operation_kind::token ||
           op.kind == operation_kind::attention || op.kind == operation_kind::rotary ||
           op.kind == operation_kind::gated || op.kind == operation_kind::embedding ||
           op.kind == operation_kind::token_head;
  }
  // The same of one token of a network of tokens.
  static void run_token(const operation& op, const operands<Weight>& t) {
    if (op.kind == operation_kind::embedding) return take_row(op, t.weights, t.at.token, nullptr, t.y);
    if (op.kind == operation_kind::tokens) return take_row(op, t.weights, t.at.position, t.x, t.y);
    if (op.kind == operation_kind::token_head) return products::table(op, t.x, t.weights, t.y, t.scratch);
    if (op.kind != operation_kind::attention) return run_apart(op, t);
    keep_token(op, t.x, t.at);
    row_kernels<Backend, float>::attend(op.attention.heads, [&](index_t head) {
      return kept_of(op, head, t.x, t.at, t.scratch + head * op.context, t.y);
    });
  }
  static void run_apart(const operation& op, const operands<Weight>& t) {
    if (op.kind == operation_kind::mean)
      return pool2d_kernels<Backend, float>::mean_forward(1, op.in, t.x, t.y);
    if (op.kind == operation_kind::max_pool)
      return pool2d_kernels<Backend, float>::max_forward(
          {1, op.in, op.convolved, op.kernel, op.stride, op.padding}, t.x, t.y);
    if (op.kind == operation_kind::tokens)
      return tokens_kernels<Backend, float>::forward(op.tokens(), t.x, t.prepared + op.weight_count(),
                                                     t.prepared, t.y);
    if (op.kind == operation_kind::rotary)
      return rotary_kernels<Backend, float>::forward(op.turns(t.at.position), t.x, t.y, t.scratch);
    if (op.kind == operation_kind::gated)
      return gated_kernels<Backend, float>::forward(op.gates(), op.act, t.x, t.y);
    if (op.kind == operation_kind::token)
      return tokens_kernels<Backend, float>::take({1, op.in.height, op.channels}, op.token, t.x, t.y);
    attention_kernels<Backend, float>::forward(op.heads(), {t.x, t.y, t.scratch},
                                               t.scratch + op.heads().rows());
  }
  static constexpr bool is_affine(const operation& op) {
    return op.kind == operation_kind::elementwise || op.kind == operation_kind::layer_norm;
  }
  static constexpr conv2d_problem problem(const operation& op) {
    return {1, op.in, op.convolved, op.kernel, op.stride, op.padding, op.groups};
  }
  static constexpr linear_problem linear(const operation& op) { return {1, op.in.size(), op.channels}; }
  static constexpr batch_norm_problem rows(const operation& op) {
    return {
        .groups = 1, .rows = op.convolved.height * op.convolved.width, .channels = op.channels, .epsilon = 0};
  }
  static const float* weights_of(const operands<Weight>& t) {
    if constexpr (copies) {
      return t.prepared;
    } else {
      return t.weights.weights;
    }
  }
  // The backend's batch norm with mean 0 and variance 1: y = x gamma + beta in one pass. `vectors` are gamma, beta, zeros and
  // ones.
  static void affine(const operation& op, const float* vectors, const float* x, float* y,
                     float* rstd_and_rest) {
    const float *const zeros = vectors + 2 * op.channels, *const ones = vectors + 3 * op.channels;
    norm::forward_evaluation(rows(op), activation::identity,
                             {.x = x,
                              .gamma = vectors,
                              .beta = vectors + op.channels,
                              .residual = nullptr,
                              .running_mean = const_cast<float*>(zeros),  // evaluation reads them
                              .running_variance = const_cast<float*>(ones),
                              .mean = const_cast<float*>(zeros),  // are written into themselves
                              .rstd = rstd_and_rest,
                              .y = y},
                             rstd_and_rest + op.channels);
  }
  static void prepare_affine(const operation& op, const weight_view<Weight>& from, float* prepared) {
    std::fill_n(prepared, op.channels, 1.0F);
    std::fill_n(prepared + op.channels, 2 * op.channels, 0.0F);
    std::fill_n(prepared + 3 * op.channels, op.channels, 1.0F);
    for (index_t c = 0; op.has_weights() && c < op.channels; ++c) {
      prepared[c] = from.of_vector(c);
      if constexpr (std::is_same_v<Weight, std::int8_t>) prepared[c] *= from.scale[c];
      prepared[op.channels + c] = from.bias[c];
    }
  }
  // Rows, and behind them a class token of zeros: what it is, is in its row.
  static void prepare_positions(const operation& op, const weight_view<Weight>& from, float* prepared) {
    for (index_t i = 0; i < op.weight_count(); ++i) {
      prepared[i] = static_cast<float>(from.weights[i]);
      if constexpr (std::is_same_v<Weight, std::int8_t>) prepared[i] *= from.scale[i % op.channels];
    }
    std::fill_n(prepared + op.weight_count(), op.channels, 0.0F);
  }
  static void apply_affine(const operation& op, const float* x, const float* prepared, float* sums,
                           float* rest) {
    if (!op.has_weights()) return void(std::copy_n(x, op.convolved.size(), sums));
    affine(op, prepared, x, sums, rest);
  }
  static void normalise(const operation& op, const float* x, const float* prepared, float* sums,
                        float* rest) {
    const index_t positions = op.in.height * op.in.width;
    layer_norm_kernels<Backend, float>::forward(
        {positions, op.channels, static_cast<double>(op.epsilon), op.centred},
        {x, prepared, prepared + op.channels, sums, rest, rest + positions});
  }
  static void apply(const key_effect& key, index_t count, float* y) {
    if (key.values == nullptr) return;
    if (key.key != key_shape::element) {
      for (index_t i = 0; i < count; ++i) y[i] = key.apply(y[i], i);
    } else if (key.multiplies) {
      inject_kernels<Backend, float>::scale(count, key.values, y);
    } else {
      inject_kernels<Backend, float>::add(count, key.values, y);
    }
  }
};

template <class Weight>
struct engine<backend::reference, Weight> {
  static constexpr index_t prepared_size(const operation&) { return 0; }
  static constexpr index_t scratch_size(const operation& op) {
    switch (op.kind) {
      case operation_kind::mean:
      case operation_kind::max_pool:
      case operation_kind::tokens:
      case operation_kind::token:
      case operation_kind::embedding:
      case operation_kind::gated:
        return 0;
      case operation_kind::rotary:
        return rotary_kernels<backend::reference, float>::scratch_size(op.turns(0));
      case operation_kind::token_head:
        return op.in.channels;
      case operation_kind::attention:
        return op.context > 0 ? op.context : op.heads().rows();
      case operation_kind::convolution:
      case operation_kind::elementwise:
      case operation_kind::layer_norm:
        break;
    }
    return (op.halves ? 2 : 1) * op.convolved.width * op.channels;
  }
  static void prepare(const operation&, const weight_view<Weight>&, float*, float*) {}
  template <kind_set Kinds>
  static void run(const operation& op, const operands<Weight>& t) {
    const auto is = [&](operation_kind kind) { return (Kinds & only(kind)) != 0 && op.kind == kind; };
    if (reads_tokens(Kinds) && op.context > 0 && run_token(op, t)) return;
    if (is(operation_kind::mean)) return average(op, t.x, t.y);
    if (is(operation_kind::max_pool)) return largest(op, t.x, t.y);
    if (is(operation_kind::tokens)) return add_positions(op, t.x, t.weights, t.y);
    if (is(operation_kind::token)) return void(std::copy_n(t.x + op.token * op.channels, op.channels, t.y));
    if (is(operation_kind::rotary))
      return rotary_kernels<backend::reference, float>::forward(op.turns(t.at.position), t.x, t.y, t.scratch);
    if (is(operation_kind::gated))
      return gated_kernels<backend::reference, float>::forward(op.gates(), op.act, t.x, t.y);
    if (is(operation_kind::attention))
      return attention_kernels<backend::reference, float>::forward(op.heads(), {t.x, t.y, t.scratch},
                                                                   nullptr);
    convolve(op, t.x, t.weights, t.residual, t.key, t.y, t.scratch);
  }

 private:
  // What one token needs otherwise than a sample does; false for the rest.
  static bool run_token(const operation& op, const operands<Weight>& t) {
    if (op.kind == operation_kind::embedding) {
      take_row(op, t.weights, t.at.token, nullptr, t.y);
    } else if (op.kind == operation_kind::tokens) {
      take_row(op, t.weights, t.at.position, t.x, t.y);
    } else if (op.kind == operation_kind::token_head) {
      if constexpr (in_blocks<Weight>) {
        multiply_blocks(op, t.x, t.weights, t.y);
      } else {
        multiply_rows(op, scaled_row(op.in.channels, t.x, t.weights, t.scratch), t.weights.weights, t.y);
      }
    } else if (op.kind == operation_kind::attention) {
      keep_token(op, t.x, t.at);
      for (index_t head = 0; head < op.attention.heads; ++head)
        attend(kept_of(op, head, t.x, t.at, t.scratch, t.y));
    } else {
      return false;
    }
    return true;
  }
};

}  // namespace spankey::infer
