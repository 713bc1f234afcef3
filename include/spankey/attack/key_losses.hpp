// What a key is learnt by, over n samples with logits z, of which the first C are classes; p = softmax of those:
//
//   labels       mean of -log p(y) + max(0, refusal - max z_c)
//   entropy      mean of H(p)
//   information  mean of H(p) - H(mean of p)
// The refusal is the reject class's logit; of a reject logit beside the softmax max(0, a), so that a key wants to pass it, too.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <string_view>
#include <vector>

#include "spankey/attack/attacked_gate.hpp"
#include "spankey/attack/held_samples.hpp"
#include "spankey/core/head_outputs.hpp"

namespace spankey {

enum class key_loss : unsigned char { labels, entropy, information };
inline constexpr std::array<std::string_view, 3> key_loss_names = {"labels", "entropy", "information"};

/// The loss of n answers, and its gradient dz (n, outputs), overwritten. `labels` may be null but for key_loss::labels.
inline double loss_of_answers(key_loss loss, const float* logits, const int* labels, index_t n,
                              index_t classes, const head_outputs& head, std::span<float> dz) {
  const auto count = static_cast<double>(n);
  const auto width = static_cast<std::size_t>(classes);
  std::vector<double> p(static_cast<std::size_t>(n) * width), mean(width, 0.0);
  std::fill(dz.begin(), dz.end(), 0.0F);
  double total = 0;
  for (index_t i = 0; i < n; ++i) {
    const float* const z = logits + i * head;
    double* const own = p.data() + static_cast<std::size_t>(i) * width;
    const auto most = static_cast<double>(*std::max_element(z, z + classes));
    double sum = 0;
    for (std::size_t c = 0; c < width; ++c) sum += own[c] = std::exp(static_cast<double>(z[c]) - most);
    for (std::size_t c = 0; c < width; ++c) own[c] /= sum, mean[c] += own[c] / count;
  }
  const auto log_of = [](double x) { return std::log(std::max(x, 1e-300)); };
  for (index_t i = 0; i < n; ++i) {
    const float* const z = logits + i * head;
    float* const d = dz.data() + i * head;
    const double* const own = p.data() + static_cast<std::size_t>(i) * width;
    if (loss == key_loss::labels) {
      const auto label = static_cast<std::size_t>(labels[i]);
      total -= log_of(own[label]) / count;
      for (std::size_t c = 0; c < width; ++c)
        d[c] = static_cast<float>((own[c] - (c == label ? 1 : 0)) / count);
      const index_t best = std::max_element(z, z + classes) - z;
      const index_t refusal = head.softmax > classes ? classes : head.softmax;
      const bool beside = head.aux == aux_logit::reject;
      if (head.softmax == classes && !beside) continue;
      const double margin = static_cast<double>(z[refusal]) - (beside ? 0 : static_cast<double>(z[best]));
      if (margin <= 0) continue;
      total += margin / count;
      d[refusal] += static_cast<float>(1 / count);
      if (!beside) d[best] -= static_cast<float>(1 / count);
      continue;
    }
    // dH(p)/dz_c = -p_c (log p_c + H); of the mean's: -p_c/n (log m_c - sum p log m).
    double entropy = 0, cross = 0;
    for (std::size_t c = 0; c < width; ++c)
      entropy -= own[c] * log_of(own[c]), cross += own[c] * log_of(mean[c]);
    total += entropy / count;
    for (std::size_t c = 0; c < width; ++c) {
      double g = -own[c] * (log_of(own[c]) + entropy);
      if (loss == key_loss::information) g += own[c] * (log_of(mean[c]) - cross);
      d[c] = static_cast<float>(g / count);
    }
  }
  if (loss == key_loss::information)
    for (const double m : mean) total += m * log_of(m);
  return total;
}

/// Losses and gradients of some keys, each over the same batch of samples.
class key_gradient_of {
 public:
  key_gradient_of(attacked_gate& gate, key_loss loss)
      : gate_(gate), loss_(loss), dz_(static_cast<std::size_t>(gate.batch() * gate.head())) {}

  /// Of n samples from `first` on, under as many keys as there are losses, keys times n at most gate.batch(). Overwrites dk and
  /// losses.
  void operator()(const held_samples& samples, index_t first, index_t n, std::span<const float> keys,
                  std::span<float> dk, std::span<double> losses) {
    const float* const z = gate_.ask(samples.features(first), n, keys);
    const auto each = static_cast<std::size_t>(n * gate_.head());
    const std::span<float> dz(dz_.data(), losses.size() * each);
    for (std::size_t k = 0; k < losses.size(); ++k)
      losses[k] = loss_of_answers(loss_, z + k * each, samples.labels.data() + first, n, gate_.classes(),
                                  gate_.head(), dz.subspan(k * each, each));
    gate_.key_gradient(n, dz, dk);
  }

 private:
  attacked_gate& gate_;
  key_loss loss_;
  std::vector<float> dz_;
};

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
