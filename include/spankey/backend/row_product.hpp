// What the kernels of one row read and write (row_kernels of backend/backend.hpp).
#pragma once

#include "spankey/core/int8_blocks.hpp"
#include "spankey/core/shape.hpp"

namespace spankey {

/// One row times a matrix w, which stays as an image has it (row_kernels, whose scalar is the weights'):
///   columns   y(o) = b(o) + s(o) sum_i x(i) w(i,o)      w (in, out); b and s may be null
///   rows      y(o) = sum_i x(i) w(o,i)                  w (out, in); b and s are null
template <class Weight>
struct row_product {
  index_t in, out;
  const float* x;
  const Weight* w;
  const float *s, *b;
  float* y;
};

/// A matrix in blocks (core/int8_blocks.hpp) times one row, which is rounded to whole numbers p of a scale d a block, too:
///   y(o) = b(o) + sum_k s(o,k) d(k) sum over i of block k of q(o,i) p(i)      d(k) = max |x(i)| / 127; b may be null
/// q (out, blocks, 32), s (out, blocks). A NaN or an infinity in x makes every y one.
struct block_product {
  index_t in, out;
  const float* x;
  const int8_blocks* q;
  const bf16* s;
  const float* b;
  float* y;
};

/// One head's query among the keys and values of `tokens` tokens that were kept, rows of `size` floats, `stride` apart:
///   s(t) = q . k(t) / sqrt(size)        y = sum_t v(t) exp(s(t)) / sum_t exp(s(t))
struct kept_tokens {
  index_t tokens, size, stride;
  const float *query, *keys, *values;
  float* scores;  // room for `tokens`
  float* y;
};

}  // namespace spankey
