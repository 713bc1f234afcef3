// Linear combinations of long rows: out_i = sum_j c_ij b_j, which draws a batch of keys from a basis.
//   c (n x m), b (m x width of rows `b_stride` apart) -> out (n x width, `out_stride` apart), overwritten
// Serial, for any range of columns. Terms are added in the order of j, wherever rows and columns are cut: within one
// family an element has the same bits in every batch; families differ in the last place (fused multiply-add).
#pragma once

#include "spankey/backend/cpu/lanes.hpp"

namespace spankey::cpu {

struct combination {
  index_t n, m, width;
  const float *c, *b;
  index_t b_stride;
  float* out;
  index_t out_stride;
};

}  // namespace spankey::cpu

#define SPANKEY_ISA_TEXT "spankey/backend/cpu/combination.inl"
#include "spankey/backend/cpu/foreach_isa.hpp"

namespace spankey::cpu {

inline void combine(const combination& k) { SPANKEY_DISPATCH(combine_rows)(&k); }

}  // namespace spankey::cpu
