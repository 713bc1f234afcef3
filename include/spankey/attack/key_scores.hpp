// How good a key is, as far as what is seen of the answers tells (attack/game.hpp, channel):
//
//   logits         mean of log p(y) in the softmax of all outputs, in double: refusing costs as much as being wrong
//   probabilities  mean of 1 - p(refusal), of probabilities in fp32, as a service gives them; p(y) where nothing refuses
//   labels         share of the samples that are answered, and right
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <cmath>
#include <span>

#include "spankey/attack/attacked_gate.hpp"
#include "spankey/attack/game.hpp"
#include "spankey/attack/held_samples.hpp"
#include "spankey/core/finite.hpp"
#include "spankey/train/metrics.hpp"

namespace spankey {

/// log of the sum of exponentials of n numbers.
inline double log_sum_exp(const float* z, index_t n) {
  const auto most = static_cast<double>(*std::max_element(z, z + n));
  double sum = 0;
  for (index_t i = 0; i < n; ++i) sum += std::exp(static_cast<double>(z[i]) - most);
  return most + std::log(sum);
}

/// Of one answer.
inline double score_of_answer(const float* z, int label, index_t classes, const head_outputs& head,
                              channel seen) {
  const bool refuses = head.softmax > classes, beside = head.aux == aux_logit::reject;
  const auto logit = [&](index_t i) { return static_cast<double>(z[i]); };
  if (seen == channel::labels) {
    if (beside && !(z[head.softmax] <= 0)) return 0;
    return arg_max(z, head.softmax) == label ? 1 : 0;
  }
  // Of a logit beside the softmax: 1 - sigmoid(a).
  const double log_let_in = beside ? -std::log1p(std::exp(logit(head.softmax))) : 0;
  const double all = log_sum_exp(z, head.softmax);
  if (seen == channel::logits) {
    const double found = logit(label) - all + log_let_in;
    return is_finite(found) ? found : -1e30;
  }
  if (beside) return static_cast<double>(static_cast<float>(std::exp(log_let_in)));
  const auto p = [&](index_t i) { return static_cast<float>(std::exp(logit(i) - all)); };
  return refuses ? 1.0 - static_cast<double>(p(classes)) : static_cast<double>(p(label));
}

/// A query a key: means over the samples under every key of `keys`, one behind the other. Overwrites `scores`.
inline void score_keys(attacked_gate& gate, const held_samples& samples, std::span<const float> keys,
                       channel seen, std::span<double> scores) {
  const head_outputs head = gate.head();
  const auto size = static_cast<std::size_t>(gate.key_size());
  const index_t together = std::min(gate.batch(), samples.size());
  const auto at_once = static_cast<std::size_t>(gate.keys_at_once(together));
  std::fill(scores.begin(), scores.end(), 0.0);
  for (std::size_t first = 0; first < scores.size(); first += at_once) {
    const std::size_t count = std::min(at_once, scores.size() - first);
    for (index_t done = 0; done < samples.size(); done += together) {
      const index_t n = std::min(together, samples.size() - done);
      const float* z = gate.ask(samples.features(done), n, keys.subspan(first * size, count * size));
      for (std::size_t k = first; k < first + count; ++k)
        for (index_t i = 0; i < n; ++i, z += head)
          scores[k] += score_of_answer(z, samples.label(done + i), gate.classes(), head, seen);
    }
  }
  for (double& score : scores) score /= static_cast<double>(samples.size());
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
