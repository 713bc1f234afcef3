// A token's row of a table, and the answers of a head that shares the table, reference. Rows are (token of a sample); table
// (V, C); x (rows, 2), the token as two numbers (data/byte_tokens.hpp); h, y (rows, C); z (rows, V).
//   forward       y(r) = table(x(r))                        backward      dtable(x(r)) += dy(r), r ascending
//   answers       z(r, v) = sum over c of h(r, c) table(v, c)
//   answers_data  dh(r, c) = sum over v of dz(r, v) table(v, c)      answers_table  dtable(v, c) += sum over r of dz(r, v) h(r, c)
#pragma once

#include "spankey/backend/reference/tag.hpp"

namespace spankey {

template <class T>
struct embedding_kernels<backend::reference, T> {
  static constexpr index_t scratch_size(const embedding_problem&) { return 0; }

  static void forward(const embedding_problem& p, const T* x, const T* table, T* y) {
    for (index_t r = 0; r < p.rows; ++r)
      for (index_t c = 0; c < p.channels; ++c)
        y[r * p.channels + c] = table[p.token(x + 2 * r) * p.channels + c];
  }
  static void backward(const embedding_problem& p, const T* x, const T* dy, T* dtable) {
    for (index_t r = 0; r < p.rows; ++r)
      for (index_t c = 0; c < p.channels; ++c)
        dtable[p.token(x + 2 * r) * p.channels + c] += dy[r * p.channels + c];
  }
  static void answers(const embedding_problem& p, const T* h, const T* table, T* z, T* /*scratch*/) {
    for (index_t r = 0; r < p.rows; ++r)
      for (index_t v = 0; v < p.vocabulary; ++v) {
        T sum = 0;
        for (index_t c = 0; c < p.channels; ++c) sum += h[r * p.channels + c] * table[v * p.channels + c];
        z[r * p.vocabulary + v] = sum;
      }
  }
  static void answers_data(const embedding_problem& p, const T* dz, const T* table, T* dh, T* /*scratch*/) {
    for (index_t r = 0; r < p.rows; ++r)
      for (index_t c = 0; c < p.channels; ++c) {
        T sum = 0;
        for (index_t v = 0; v < p.vocabulary; ++v)
          sum += dz[r * p.vocabulary + v] * table[v * p.channels + c];
        dh[r * p.channels + c] = sum;
      }
  }
  static void answers_table(const embedding_problem& p, const T* h, const T* dz, T* dtable, T* /*scratch*/) {
    for (index_t r = 0; r < p.rows; ++r)
      for (index_t v = 0; v < p.vocabulary; ++v)
        for (index_t c = 0; c < p.channels; ++c)
          dtable[v * p.channels + c] += dz[r * p.vocabulary + v] * h[r * p.channels + c];
  }
};

}  // namespace spankey
