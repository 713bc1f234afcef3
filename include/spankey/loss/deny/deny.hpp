// Deny losses: what the answer without a valid key is trained towards.
//
// A DenyLoss is a functor over one denied group (invalid key, or no key) beside the valid one:
//   value = loss(deny_terms, scale)      mean over the samples
//   logit gradients += scale * gradient of that mean
// A step calls it for every denied group and takes the mean: with deny_on = wrong there is the invalid-key group, with
// wrong_and_none the no-key group as well. `outputs(C)` is the head that the loss needs for C classes: a number of
// logits, all in the softmax and its cross-entropy, or one with an auxiliary logit (core/head_outputs.hpp).
// for_each_part(f, weight) says the same as a sum of the formulas of rows.hpp, for backends whose memory is not the host's.
// Computed in double from the logits' own type; examples/02_deny_loss_of_your_own.cpp adds one.
#pragma once

#include <concepts>

#include "spankey/core/head_outputs.hpp"
#include "spankey/core/view.hpp"
#include "spankey/loss/deny/rows.hpp"
#include "spankey/loss/sample_mean.hpp"

namespace spankey {

enum class deny_on { wrong, wrong_and_none };

/// Groups of samples of one stacked batch: valid, then invalid, then no key.
constexpr index_t group_count(bool denies, deny_on on) { return !denies ? 1 : on == deny_on::wrong ? 2 : 3; }

/// What a deny loss reads and writes: logits (N, Outputs) of the two groups, labels (N), gradients (+=). A sample whose label is
/// below 0 does not count.
template <class T, class Shape>
struct deny_terms {
  batch_view<const T, Shape> valid, denied;
  const int* labels;
  index_t classes;  // semantic classes C, the first logits; a reject class or logit has index C
  batch_view<T, Shape> valid_gradient, denied_gradient;
  index_t denied_groups = 1;  // of the step: the loss is called once for each, and the step takes their mean
  index_t softmax = 0;        // as in deny_row

  /// The rows of sample n.
  [[nodiscard]] deny_row<T> row(index_t n) const {
    return {valid.sample(n),
            denied.sample(n),
            valid_gradient.sample(n),
            denied_gradient.sample(n),
            labels[n],
            classes,
            denied_groups,
            softmax};
  }
  /// The mean over the samples that count; term(row, each) returns the loss of one and adds `each` times its gradient.
  template <class Term>
  double mean(double scale, Term&& term) const {
    return sample_mean(
        denied.samples(), scale, [&](index_t n, double each) { return term(row(n), each); }, labels);
  }
};

template <class L>
concept DenyLoss = requires(const L& loss, const deny_terms<float, shape<4>>& terms) {
  { loss(terms, 1.0) } -> std::convertible_to<double>;
  { loss.outputs(index_t{3}) } -> std::convertible_to<head_outputs>;
  { loss.denies } -> std::convertible_to<bool>;
};

/// No deny loss: valid keys only.
struct no_deny {
  static constexpr bool denies = false;
  static constexpr index_t outputs(index_t classes) { return classes; }
  template <class T, class Shape>
  double operator()(const deny_terms<T, Shape>&, double) const {
    return 0;
  }
  template <class F>
  void for_each_part(F&&, double = 1) const {}
};

}  // namespace spankey
