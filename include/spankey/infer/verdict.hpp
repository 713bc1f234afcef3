// What a network says to one sample beside its logits, and how that is read from them.
#pragma once

#include <algorithm>
#include <span>

#include "spankey/core/finite.hpp"
#include "spankey/infer/image.hpp"
#include "spankey/infer/status.hpp"

namespace spankey::infer {

enum class key_state { none, bound };

/// What a network says to one sample beside its logits.
struct verdict {
  index_t semantic_class = 0;  // arg-max over the semantic classes, also where the network refuses
  bool rejected = true;        // by its reject class or its reject logit, or because there is no answer
  key_state key = key_state::none;
};

/// Of the `outputs` that a network found. An answer is given where it may be, not refused where it must be: what cannot be
/// compared stays a refusal. Fails with logits_not_finite; then nothing is written.
inline status judge(const image_header& header, const head_outputs& outputs, const float* found_logits,
                    std::span<float> logits, verdict& found) {
  if (!all_finite(found_logits, outputs)) return status::logits_not_finite;
  std::copy_n(found_logits, logits.size(), logits.begin());
  found.semantic_class = arg_max(found_logits, static_cast<index_t>(header.classes));
  const bool has_class = header.softmax > header.classes, has_logit = header.aux != 0;
  const bool beats_class = !has_class || found_logits[found.semantic_class] >= found_logits[header.classes];
  const bool beats_logit = !has_logit || found_logits[header.softmax] <= 0;
  found.rejected = !(beats_class && beats_logit);
  return status::ok;
}

}  // namespace spankey::infer
