// What the kernels of one row read and write (row_kernels of backend/backend.hpp).
#pragma once

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

/// One head's query among the keys and values of `tokens` tokens that were kept, rows of `size` floats, `stride` apart:
///   s(t) = q . k(t) / sqrt(size)        y = sum_t v(t) exp(s(t)) / sum_t exp(s(t))
struct kept_tokens {
  index_t tokens, size, stride;
  const float *query, *keys, *values;
  float* scores;  // room for `tokens`
  float* y;
};

}  // namespace spankey
