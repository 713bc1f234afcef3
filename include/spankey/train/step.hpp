// One training step, forward to gradients: one stacked batch, one forward, one backward.
//   L = CE(z_valid, y) + weight * mean over the denied groups of deny(z_denied)
// The cross-entropy and the answers read the softmax of the model's head, not a reject logit beside it.
// x (G*N, ...) holds the N samples once per group: valid key, then invalid key, then no key
// (loss/deny/deny.hpp). Parameter gradients are overwritten (zeroed, then accumulated); the optimizer is the
// caller's next line.
#pragma once

#include <algorithm>

#include "spankey/backend/loss.hpp"
#include "spankey/core/finite.hpp"
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

/// The loss of one stacked batch as kernels compute it, without the functors of the host.
template <class Model, class Deny>
loss_problem loss_problem_of(const objective<Deny>& o, index_t samples_of_group) {
  constexpr head_outputs head = Model::outputs;
  loss_problem p{.samples = samples_of_group,
                 .groups = o.groups(),
                 .outputs = head,
                 .softmax = head.softmax,
                 .classes = o.classes,
                 .weight = o.weight};
  if constexpr (Deny::denies) {
    static_assert(
        requires { o.deny.for_each_part([](const deny_part&) {}); },
        "SpanKey: this deny loss has no for_each_part, so this backend cannot compute it: say it as a sum of "
        "the formulas of loss/deny/rows.hpp, or train on backend::cpu");
    o.deny.for_each_part([&](const deny_part& part) {
      if (p.part_count == max_deny_parts)
        fail("train.107", "objective", "expected at most ", max_deny_parts,
             " parts of a deny loss, found more");
      p.parts[static_cast<std::size_t>(p.part_count++)] = part;
    });
  }
  return p;
}

/// Zeroed gradients, then the logits of the groups of x. Up to the first site with keys the groups are the same samples:
/// they are computed once. Logits and what follows from them are never shared.
template <class Model, class Deny, std::size_t Sites>
auto forward_groups(Model& model, const objective<Deny>& o, pass& p,
                    batch_view<const typename Model::scalar, typename Model::input> x,
                    const model_keys<typename Model::master, Sites>& keys) {
  p = {.groups = o.groups(), .training = true, .statistics = o.statistics};
  if (x.samples() < p.groups || x.samples() % p.groups != 0)
    fail("train.105", "compute_gradients", "found ", x.samples(), " samples for ", p.groups, " equal groups");
  require_written(model, x.samples(), "compute_gradients");
  zero_gradients(model);
  p.shared = p.groups > 1 && model.shares_pass(keys, p.groups);
  const auto logits = model.forward(p, p.shared ? group_of(x, 0, p.groups) : x, keys);
  p.shared = false;
  return logits;
}

/// Zeroed gradients, forward, loss and backward where the model's memory is not the host's; returns the logits. What the
/// step comes to stays there as well (loss_kernels): nothing waits.
template <class Model, class Deny, std::size_t Sites>
auto enqueue_gradients(Model& model, const objective<Deny>& o,
                       batch_view<const typename Model::scalar, typename Model::input> x, const int* labels,
                       const model_keys<typename Model::master, Sites>& keys) {
  pass p;
  const auto logits = forward_groups(model, o, p, x, keys);
  loss_kernels<typename Model::backend_type, typename Model::master>::compute(
      loss_problem_of<Model>(o, x.samples() / p.groups), logits.data(), labels,
      model.logit_gradient(x.samples()).data());
  model.backward(p, x.samples());
  return logits;
}

/// Forward, loss and backward of one batch; labels (N), from 0 to classes - 1 (else train.109, on the host).
/// x, labels and keys lie in the model's memory, as the logits do
/// that it returns; its numbers are the host's, so it waits for them.
template <class Model, class Deny, std::size_t Sites>
requires(!memory_of_model<Model>::on_host) auto compute_gradients(
    Model& model, const objective<Deny>& o, batch_view<const typename Model::scalar, typename Model::input> x,
    const int* labels, const model_keys<typename Model::master, Sites>& keys) {
  using T = typename Model::master;
  step_result<T, shape<Model::outputs>> result;
  result.logits = enqueue_gradients(model, o, x, labels, keys);
  const step_numbers found = loss_kernels<typename Model::backend_type, T>::fetch();
  result.cross_entropy = found.cross_entropy;
  result.deny = found.deny;
  result.total = found.cross_entropy + o.weight * found.deny;
  result.correct = static_cast<index_t>(found.correct);
  return result;
}

template <class Model, class Deny, std::size_t Sites>
auto compute_gradients(Model& model, const objective<Deny>& o,
                       batch_view<const typename Model::scalar, typename Model::input> x, const int* labels,
                       const model_keys<typename Model::master, Sites>& keys) {
  using T = typename Model::master;
  using logit_shape = shape<Model::outputs>;
  constexpr index_t softmax = head_outputs(Model::outputs).softmax;
  for (index_t n = 0; n < x.samples() / o.groups(); ++n) {
    if (labels[n] < 0 || labels[n] >= o.classes)
      fail("train.109", "compute_gradients", "found label ", labels[n], " of sample ", n, ", expected 0 to ",
           o.classes - 1);
  }
  pass p;
  step_result<T, logit_shape> result;
  result.logits = forward_groups(model, o, p, x, keys);

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
    result.correct += arg_max(z, softmax) == labels[n] ? 1 : 0;
  }
  model.backward(p, x.samples());
  return result;
}

}  // namespace spankey
