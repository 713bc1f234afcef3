// Which token comes next, by the logits behind the last one. Needs no memory.
//   p = softmax(z / temperature) of the first `count` logits; of the top_k largest alone where top_k > 0
// Of equal logits the first ones are the largest.
#pragma once

#include <cmath>

#include "spankey/core/finite.hpp"
#include "spankey/core/shape.hpp"

namespace spankey::infer {

struct sampling {
  float temperature = 1;  // 0: always the likeliest
  index_t top_k = 0;      // 0: all
};

/// The token that `uniform`, a number from 0 to below 1, chooses. The logits are finite, as those of a session that answered
/// are.
inline index_t next_token(const float* logits, index_t count, const sampling& how, float uniform) {
  const index_t likeliest = arg_max(logits, count);
  if (!(how.temperature > 0)) return likeliest;
  // What a logit must be to count: of those that equal `least` the first `equal` ones do.
  float least = logits[likeliest];
  index_t equal = 1;
  if (how.top_k > 0 && how.top_k < count) {
    for (index_t taken = 1; taken < how.top_k; ++taken) {
      index_t same = 0;
      for (index_t i = 0; i < count; ++i) same += logits[i] == least ? 1 : 0;
      if (equal < same) {
        ++equal;
        continue;
      }
      index_t next = -1;
      for (index_t i = 0; i < count; ++i)
        if (logits[i] < least && (next < 0 || logits[i] > logits[next])) next = i;
      if (next < 0) break;
      least = logits[next], equal = 1;
    }
  } else {
    for (index_t i = 0; i < count; ++i) least = logits[i] < least ? logits[i] : least;
    equal = count;
  }
  const auto weight = [&](index_t i) { return std::exp((logits[i] - logits[likeliest]) / how.temperature); };
  // f(i) for those that count, until it is true.
  const auto first_where = [&](auto&& f) {
    index_t left = equal, last = likeliest;
    for (index_t i = 0; i < count; ++i) {
      if (!(logits[i] > least) && !(logits[i] == least && left-- > 0)) continue;
      last = i;
      if (f(i)) break;
    }
    return last;
  };
  float total = 0;
  first_where([&](index_t i) { return total += weight(i), false; });
  float below = uniform * total;
  return first_where([&](index_t i) { return (below -= weight(i)) < 0; });
}

}  // namespace spankey::infer
