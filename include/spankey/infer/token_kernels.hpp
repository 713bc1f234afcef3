// What a network of tokens does with one token beside the kernels of one sample, as plain loops: rows of tables, and attention
// among the tokens before it, whose keys and values are kept.
#pragma once

#include <cmath>
#include <cstdint>
#include <type_traits>

#include "spankey/backend/row_product.hpp"
#include "spankey/infer/kernels.hpp"

namespace spankey::infer {

/// Where a pass stands in its window, and what attentions have kept of the window.
struct token_place {
  index_t token = 0, position = 0;
  float* cache = nullptr;
};

/// y(c) = w(row, c), and x(c) where there is one.
template <class Weight>
void take_row(const operation& op, const weight_view<Weight>& w, index_t row, const float* x, float* y) {
  const index_t blocks = blocks_of(op.channels);
  const Weight* const from = w.weights + row * (in_blocks<Weight> ? blocks * numbers_of_block : op.channels);
  for (index_t c = 0; c < op.channels; ++c) {
    y[c] = static_cast<float>(from[c]);
    if constexpr (std::is_same_v<Weight, std::int8_t>) y[c] *= w.scale[c];
    if constexpr (in_blocks<Weight>) y[c] *= w.scale[row * blocks + c / numbers_of_block];
    if (x != nullptr) y[c] += x[c];
  }
}

/// Keeps keys and values of x (queries, keys, values). The cache has `context` rows of keys, then as many of values.
inline void keep_token(const operation& op, const float* x, const token_place& at) {
  const index_t channels = op.heads().key_channels();
  float* const keys = at.cache + op.cache + at.position * channels;
  float* const values = keys + op.context * channels;
  for (index_t c = 0; c < channels; ++c) {
    keys[c] = x[op.channels + c];
    values[c] = x[op.channels + channels + c];
  }
}

/// What one head's attention of x among the tokens that were kept reads and writes. scores (context floats).
inline kept_tokens kept_of(const operation& op, index_t head, const float* x, const token_place& at,
                           float* scores, float* y) {
  const attention_problem p = op.heads();
  const index_t channels = p.key_channels(), first = head * p.size;
  const float* const keys = at.cache + op.cache + head / p.group() * p.size;
  return {at.position + 1, p.size,   channels, x + first, keys, keys + op.context * channels,
          scores,          y + first};
}

/// kept_tokens (backend/row_product.hpp) as plain loops.
inline void attend(const kept_tokens& p) {
  const float scale = 1 / std::sqrt(static_cast<float>(p.size));
  float most = 0;
  for (index_t t = 0; t < p.tokens; ++t) {
    float sum = 0;
    for (index_t c = 0; c < p.size; ++c) sum += p.query[c] * p.keys[t * p.stride + c];
    p.scores[t] = sum * scale;
    most = t == 0 || p.scores[t] > most ? p.scores[t] : most;
  }
  float total = 0;
  for (index_t t = 0; t < p.tokens; ++t) total += p.scores[t] = std::exp(p.scores[t] - most);
  for (index_t c = 0; c < p.size; ++c) p.y[c] = 0;
  for (index_t t = 0; t < p.tokens; ++t) {
    const float share = p.scores[t] / total;
    for (index_t c = 0; c < p.size; ++c) p.y[c] += share * p.values[t * p.stride + c];
  }
}

/// x for a table that is scaled by channel: what is left of the table is whole numbers. `scaled` holds a row.
template <class Weight>
const float* scaled_row(index_t count, const float* x, const weight_view<Weight>& w, float* scaled) {
  if constexpr (!std::is_same_v<Weight, std::int8_t>) {
    return x;
  } else {
    for (index_t c = 0; c < count; ++c) scaled[c] = x[c] * w.scale[c];
    return scaled;
  }
}

/// y(o) = sum over c of x(c) w(o, c).
template <class Weight>
void multiply_rows(const operation& op, const float* x, const Weight* w, float* y) {
  for (index_t o = 0; o < op.channels; ++o) {
    y[o] = 0;
    for (index_t c = 0; c < op.in.channels; ++c) y[o] += x[c] * static_cast<float>(w[o * op.in.channels + c]);
  }
}

}  // namespace spankey::infer
