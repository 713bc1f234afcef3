// One training step, forward to gradients: one stacked batch, one forward, one backward.
//   L = CE(z_valid, y) + weight * mean over the denied groups of deny(z_denied)
// The cross-entropy and the answers read the softmax of the model's head, not a reject logit beside it.
// x (G*N, ...) holds the N samples once per group: valid key, then invalid key, then no key
// (loss/deny/deny.hpp). Parameter gradients are overwritten (zeroed, then accumulated); the optimizer is the
// caller's next line.
#pragma once

#include <algorithm>

#include "spankey/loss/cross_entropy.hpp"
#include "spankey/loss/deny/deny.hpp"
#include "spankey/model/model.hpp"
#include "spankey/optim/optimizer.hpp"

namespace spankey {

/// What a run minimises. `weight` is lambda of this step (after warm-up); `statistics`: what batch norm of the groups sees.
template <class Deny>
struct objective {
  static_assert(
      DenyLoss<Deny>,
      "SpanKey: Deny is not a DenyLoss: needs denies, outputs(classes) and operator()(deny_terms, scale); "
      "see loss/deny/deny.hpp");
  index_t classes = 10;
  double weight = 0.1;
  deny_on on = deny_on::wrong;
  Deny deny{};
  batch_statistics statistics = batch_statistics::per_group;

  [[nodiscard]] constexpr index_t groups() const { return group_count(Deny::denies, on); }
};

/// lambda of an epoch (from 0): it grows linearly over `warmup` epochs; 0: no warm-up.
constexpr double warmed_up(double weight, std::uint64_t epoch, std::uint64_t warmup) {
  return warmup == 0 ? weight
                     : weight * std::min(1.0, static_cast<double>(epoch + 1) / static_cast<double>(warmup));
}

template <class T, class Shape>
struct step_result {
  double cross_entropy = 0, deny = 0, total = 0;
  index_t correct = 0;                // valid-key answers that are right
  batch_view<const T, Shape> logits;  // (G*N, Outputs), valid until the next forward
};

/// Part `group` of a stacked batch of `groups` equal parts.
template <class T, class Shape>
batch_view<T, Shape> group_of(batch_view<T, Shape> stacked, index_t group, index_t groups) {
  const index_t n = stacked.samples() / groups;
  return {stacked.sample(group * n), n};
}

/// Forward, loss and backward of one batch; labels (N).
template <class Model, class Deny, std::size_t Sites>
auto compute_gradients(Model& model, const objective<Deny>& o,
                       batch_view<const typename Model::scalar, typename Model::input> x, const int* labels,
                       const model_keys<typename Model::master, Sites>& keys) {
  using T = typename Model::master;
  using logit_shape = shape<Model::outputs>;
  constexpr index_t softmax = head_outputs(Model::outputs).softmax;
  pass p{.groups = o.groups(), .training = true, .statistics = o.statistics};
  if (x.samples() < p.groups || x.samples() % p.groups != 0)
    fail("train.105", "compute_gradients", "found ", x.samples(), " samples for ", p.groups, " equal groups");

  zero_gradients(model);
  step_result<T, logit_shape> result;
  // Up to the first site with keys the groups are the same samples: they are computed once.
  p.shared = p.groups > 1 && model.reads_keys(keys, p.groups);
  result.logits = model.forward(p, p.shared ? group_of(x, 0, p.groups) : x, keys);

  const batch_view<T, logit_shape> dz = model.logit_gradient(x.samples());
  std::fill_n(dz.data(), dz.size(), T(0));
  const auto valid = group_of(result.logits, 0, p.groups);
  result.cross_entropy = cross_entropy(
      valid, [&](index_t n) { return labels[n]; }, 1.0, group_of(dz, 0, p.groups), softmax);
  const index_t denied = p.groups - 1;
  const double share = 1.0 / static_cast<double>(std::max<index_t>(1, denied));
  for (index_t g = 1; g < p.groups; ++g) {
    const deny_terms<T, logit_shape> terms{.valid = valid,
                                           .denied = group_of(result.logits, g, p.groups),
                                           .labels = labels,
                                           .classes = o.classes,
                                           .valid_gradient = group_of(dz, 0, p.groups),
                                           .denied_gradient = group_of(dz, g, p.groups),
                                           .denied_groups = denied};
    result.deny += share * o.deny(terms, share * o.weight);
  }
  result.total = result.cross_entropy + o.weight * result.deny;
  for (index_t n = 0; n < valid.samples(); ++n) {
    const T* z = valid.sample(n);
    result.correct += std::max_element(z, z + softmax) - z == labels[n] ? 1 : 0;
  }
  p.shared = false;  // as the logits are
  model.backward(p, x.samples());
  return result;
}

}  // namespace spankey
