// The logits of a model's head: how many take part in its softmax, and whether one stands beside them.
//   softmax   logits that the arg-max and the cross-entropy read: C classes, or C+1 with a reject class
//   aux       none, or one more behind them with a linear map of its own: sigmoid(a) > 1/2 rejects
// A deny loss says which head it needs (loss/deny/deny.hpp), a model is built for one. A plain number is a head
// without an auxiliary logit, and a head reads as the number of all its logits.
#pragma once

#include "spankey/core/shape.hpp"

namespace spankey {

enum class aux_logit { none, reject };

struct head_outputs {
  index_t softmax;
  aux_logit aux;

  constexpr head_outputs(index_t softmax_logits, aux_logit beside = aux_logit::none)
      : softmax(softmax_logits), aux(beside) {}
  constexpr operator index_t() const { return softmax + (aux == aux_logit::none ? 0 : 1); }

  /// Equal in both respects. There is no ==: a head compared with a number is compared as one.
  [[nodiscard]] constexpr bool same_as(const head_outputs& other) const {
    return softmax == other.softmax && aux == other.aux;
  }
};

}  // namespace spankey
