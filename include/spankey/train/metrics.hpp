// How often a network answers, and what hides behind its refusals.
//
// For one key and n images with logits z (n, C or C+1), r = C the reject class, or a = z_C the reject logit beside the
// softmax, where the head has one (core/head_outputs.hpp):
//   semantic    arg-max over the softmax is a semantic class and right
//   masked      arg-max over the C semantic classes is right: what an attacker sees who ignores the refusal
//   calibrated  the same after standardising each class's logits over the n images, as any attacker can do
//   reject      arg-max over the softmax is r, or sigmoid(a) > 1/2
// With a reject logit the answer is given beside the refusal: semantic is masked, and reject says what a gate would hide.
// An image with a logit that is no number has no answer: it counts as refused and as right in no figure, and the moments
// of `calibrated` leave it out. Whoever reports the shares says how many of them there were.
// Many keys give the mean, the worst key (for the gate) and a 95 % Wilson interval of the mean.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <string_view>
#include <vector>

#include "spankey/core/finite.hpp"
#include "spankey/core/head_outputs.hpp"

namespace spankey {

enum class figure { semantic, masked, calibrated, reject };
inline constexpr std::array<std::string_view, 4> figure_names = {"semantic", "masked", "calibrated",
                                                                 "reject"};

/// Shares of the answers of one key, indexed by figure.
using key_answers = std::array<double, figure_names.size()>;

/// Of one answer: the figures that count it, a bit each.
constexpr std::uint8_t hit_bit(figure f) { return static_cast<std::uint8_t>(1U << static_cast<unsigned>(f)); }

/// 95 % Wilson score interval of a share seen in n independent trials.
struct interval {
  double low, high;
};
inline interval wilson(double share, double n) {
  constexpr double z = 1.959963984540054;
  const double centre = share + z * z / (2 * n), scale = 1 + z * z / n;
  const double half = z * std::sqrt(share * (1 - share) / n + z * z / (4 * n * n));
  // Rounding must not put the share itself outside: at 0 and 1 the bounds are exact.
  return {std::clamp((centre - half) / scale, 0.0, share), std::clamp((centre + half) / scale, share, 1.0)};
}

/// A valid key that is right (semantic) less often than this share of the mean over valid keys does not work.
inline constexpr double weak_below = 0.9;

/// One figure over all keys of a condition.
struct figure_summary {
  double mean, worst;
  interval bounds;
};

struct condition_summary {
  index_t keys = 0, images_per_key = 0, distinct_images = 0;
  std::array<figure_summary, figure_names.size()> figures{};
  index_t not_finite = 0;  // answers of all keys with NaN or infinity among their logits
  double weak = 0;         // share of the keys that do not work: right less often than weak_below of the mean
  [[nodiscard]] const figure_summary& operator[](figure f) const {
    return figures[static_cast<std::size_t>(f)];
  }
};

/// Collects logits of one key after another.
template <class T>
class answer_counter {
 public:
  /// `classes` semantic classes in a head with `outputs` logits.
  answer_counter(index_t classes, head_outputs outputs) : classes_(classes), outputs_(outputs) {}

  /// Logits (n, outputs) and labels of n more images under the current key.
  void add(const T* logits, const int* labels, index_t n) {
    logits_.insert(logits_.end(), logits, logits + n * outputs_);
    labels_.insert(labels_.end(), labels, labels + n);
  }

  /// Ends the current key and returns its shares. At least one image must have been added. `hits` is given a number for every
  /// image, in which bit f is set where figure f counts it.
  key_answers finish_key(std::vector<std::uint8_t>* hits = nullptr) {
    const auto n = static_cast<index_t>(labels_.size());
    key_answers counts{};
    finite_.clear();
    for (index_t i = 0; i < n; ++i) finite_.push_back(all_finite(logits_.data() + i * outputs_, outputs_));
    not_finite_ = std::count(finite_.begin(), finite_.end(), false);
    const auto [mean, deviation] = class_moments(n - not_finite_);
    std::vector<double> standardised(static_cast<std::size_t>(classes_));
    for (index_t i = 0; i < n; ++i) {
      const T* z = logits_.data() + i * outputs_;
      const int label = labels_[static_cast<std::size_t>(i)];
      std::uint8_t hit = 0;
      const auto count = [&](figure f, bool yes) {
        counts[static_cast<std::size_t>(f)] += yes ? 1 : 0;
        hit = static_cast<std::uint8_t>(hit | (yes ? hit_bit(f) : 0));
      };
      if (!finite_[static_cast<std::size_t>(i)]) {
        count(figure::reject, true);
        if (hits != nullptr) hits->push_back(hit);
        continue;
      }
      for (std::size_t c = 0; c < standardised.size(); ++c)
        standardised[c] = (static_cast<double>(z[c]) - mean[c]) / deviation[c];
      const index_t answer = arg_max(z, outputs_.softmax);
      count(figure::semantic, answer == label);
      count(figure::masked, arg_max(z, classes_) == label);
      count(figure::calibrated, arg_max(standardised.data(), classes_) == label);
      const bool by_logit = outputs_.aux == aux_logit::reject;
      count(figure::reject, by_logit ? !(z[outputs_.softmax] <= T(0)) : answer == classes_);
      if (hits != nullptr) hits->push_back(hit);
    }
    for (double& c : counts) c /= static_cast<double>(n);
    logits_.clear();
    labels_.clear();
    return counts;
  }
  /// Images of the key that ended last without an answer: NaN or infinity among their logits.
  [[nodiscard]] index_t not_finite() const { return not_finite_; }

 private:
  // Mean and deviation of each semantic class's logit over the n images that have an answer; a constant logit counts as
  // deviation 1.
  std::pair<std::vector<double>, std::vector<double>> class_moments(index_t n) const {
    const auto classes = static_cast<std::size_t>(classes_);
    std::vector<double> mean(classes, 0.0), deviation(classes, 0.0);
    if (n == 0) return {mean, deviation};
    const auto start = std::find(finite_.begin(), finite_.end(), true) - finite_.begin();
    const auto for_each_image = [&](auto&& f) {
      for (std::size_t i = static_cast<std::size_t>(start); i < finite_.size(); ++i)
        if (finite_[i]) f(static_cast<index_t>(i));
    };
    // Sums of differences from the first image are exactly 0 for a constant logit, whatever its value.
    const auto first = [&](std::size_t c) { return static_cast<double>(logits_[at(start, c)]); };
    for_each_image([&](index_t i) {
      for (std::size_t c = 0; c < classes; ++c) mean[c] += static_cast<double>(logits_[at(i, c)]) - first(c);
    });
    for (std::size_t c = 0; c < classes; ++c) mean[c] = first(c) + mean[c] / static_cast<double>(n);
    for_each_image([&](index_t i) {
      for (std::size_t c = 0; c < classes; ++c)
        deviation[c] += std::pow(static_cast<double>(logits_[at(i, c)]) - mean[c], 2);
    });
    for (double& d : deviation) d = d > 0 ? std::sqrt(d / static_cast<double>(n)) : 1.0;
    return {mean, deviation};
  }
  [[nodiscard]] std::size_t at(index_t i, std::size_t c) const {
    return static_cast<std::size_t>(i * outputs_) + c;
  }

  index_t classes_;
  head_outputs outputs_;
  std::vector<T> logits_;
  std::vector<int> labels_;
  std::vector<bool> finite_;  // of the images of a key
  index_t not_finite_ = 0;
};

/// What the worst key is depends on what the gate should do: open for valid keys, stay shut for the rest.
enum class gate_should { open, stay_shut };

/// Mean, worst key and interval of each figure. The interval counts every distinct image as one trial, however
/// many keys saw it: answers to one image under several keys are not independent.
inline condition_summary summarise(const std::vector<key_answers>& keys, index_t images_per_key,
                                   index_t distinct_images, gate_should purpose) {
  condition_summary summary{.keys = static_cast<index_t>(keys.size()),
                            .images_per_key = images_per_key,
                            .distinct_images = distinct_images};
  for (std::size_t f = 0; f < figure_names.size(); ++f) {
    const bool is_reject = f == static_cast<std::size_t>(figure::reject);
    const bool low_is_worse = (purpose == gate_should::open) != is_reject;
    double sum = 0, worst = keys.front()[f];
    for (const key_answers& key : keys) {
      sum += key[f];
      worst = low_is_worse ? std::min(worst, key[f]) : std::max(worst, key[f]);
    }
    const double mean = sum / static_cast<double>(keys.size());
    summary.figures[f] = {mean, worst, wilson(mean, static_cast<double>(distinct_images))};
  }
  const double bound = weak_below * summary[figure::semantic].mean;
  index_t weak = 0;
  for (const key_answers& key : keys) weak += key[static_cast<std::size_t>(figure::semantic)] < bound ? 1 : 0;
  summary.weak = static_cast<double>(weak) / static_cast<double>(keys.size());
  return summary;
}

/// Absorption index 1 - (valid - invalid) / (valid - 1/C) of two accuracies: 1 where the key is ignored, 0 where a wrong
/// one leaves chance, below 0 where it leaves less. Not a number where valid keys do no better than chance.
inline double absorption_index(double valid, double invalid, index_t classes) {
  const double chance = 1.0 / static_cast<double>(classes);
  return valid > chance ? 1 - (valid - invalid) / (valid - chance) : std::nan("");
}

}  // namespace spankey
