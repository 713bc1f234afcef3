// Mode B_aux: a reject logit a = linear(features -> 1) beside the head of C classes learns which answers to refuse.
//   L = mean over all groups of BCE:  BCE(a_valid, 0), BCE(a_invalid, 1) and, with the no-key group, BCE(a_none, 1)
//   BCE(a, 1) = softplus(-a),  BCE(a, 0) = softplus(a),  softplus(v) = log(1 + exp v)
// The step takes the mean over the D denied groups, so each of them brings the share of the valid group with it:
//   L = 1/D sum_denied [D BCE(a_denied, 1) + BCE(a_valid, 0)] / (D + 1)
// a is column C of the logits; the C classes get no gradient. Source: arXiv 2604.12254.
#pragma once

#include "spankey/loss/deny/deny.hpp"

namespace spankey {

struct reject_head {
  static constexpr bool denies = true;
  static constexpr head_outputs outputs(index_t classes) { return {classes, aux_logit::reject}; }
  template <class T, class Shape>
  double operator()(const deny_terms<T, Shape>& t, double scale) const {
    return t.mean(scale, [&](const deny_row<T>& row, double each) { return reject_head_row(row, each); });
  }
  template <class F>
  void for_each_part(F&& f, double weight = 1) const {
    f(deny_part{deny_formula::reject_head, weight});
  }
};

}  // namespace spankey
