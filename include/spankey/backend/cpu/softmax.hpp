// The softmax of one row of many logits in vectors, for losses of large vocabularies:
//   sum_softmax(count, z)                          the largest logit, and the sum of exp(z - largest)
//   add_softmax(count, z, largest, factor, to)     to += factor exp(z - largest)
// Relative errors 2e-7 where the result is a normal number. NaN and infinite logits give NaN, -infinity counts as 0.
#pragma once

#include "spankey/backend/cpu/exponential.hpp"
#include "spankey/backend/cpu/lanes.hpp"

namespace spankey::cpu {
struct softmax_sum {
  float largest;
  double total;
};
}  // namespace spankey::cpu

#define SPANKEY_ISA_TEXT "spankey/backend/cpu/softmax.inl"
#include "spankey/backend/cpu/foreach_isa.hpp"
