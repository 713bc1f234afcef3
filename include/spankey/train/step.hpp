// One training step, forward to gradients: one stacked batch, one forward, one backward.
//   L = CE(z_valid, y) + weight * mean over the denied groups of deny(z_denied)
// The cross-entropy and the answers read the softmax of the model's head, not a reject logit beside it.
// x (G*N, ...) holds the N samples once per group: valid key, then invalid key, then no key
// (loss/deny/deny.hpp). Parameter gradients are overwritten (zeroed, then accumulated); the optimizer is the
// caller's next line.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <span>
#include <type_traits>

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
  double smoothing = 0;  // of the labels under a valid key, over the classes (loss/cross_entropy.hpp)
  std::uint64_t seed = 0, step = 0;  // which numbers dropout draws; a trainer says so
  part_sums* across = nullptr;       // where the batch is one part of several; a trainer says so, too
  index_t first_sample = 0;          // of the part, in a group of the whole batch
  gradient_watch* watch = nullptr;   // is told of gradients while the others are still computed

  [[nodiscard]] constexpr index_t groups() const { return group_count(deny.denies, on); }
};

/// lambda of an epoch (from 0): it grows linearly over `warmup` epochs; 0: no warm-up.
constexpr double warmed_up(double weight, std::uint64_t epoch, std::uint64_t warmup) {
  return warmup == 0 ? weight
                     : weight * std::min(1.0, static_cast<double>(epoch + 1) / static_cast<double>(warmup));
}

template <class T>
struct step_result {
  double cross_entropy = 0, deny = 0, total = 0;
  index_t correct = 0;                    // valid-key answers that are right
  batch_view<const T, any_shape> logits;  // (G*N*answers, outputs), valid until the next forward
};

/// Part `group` of a stacked batch of `groups` equal parts.
template <class T, class Shape>
batch_view<T, Shape> group_of(batch_view<T, Shape> stacked, index_t group, index_t groups) {
  const index_t n = stacked.samples() / groups;
  return samples_of(stacked, group * n, n);
}

/// What can be trained: a network of run-time sizes, as layered_network is one.
template <class M>
concept Network = requires(M& model, const pass& p, const typename M::scalar* x, index_t n,
                           std::span<const site_keys<typename M::master>> keys) {
  { model.input_extents() } -> std::convertible_to<extents>;
  { model.head() } -> std::convertible_to<head_outputs>;
  { model.answers() } -> std::same_as<index_t>;
  { model.answers_tokens() } -> std::same_as<bool>;
  { model.site_shapes() } -> std::convertible_to<std::span<const extents>>;
  { model.forward(p, x, n, keys) } -> std::same_as<const typename M::master*>;
  { model.logit_gradient(n) } -> std::same_as<typename M::master*>;
  model.backward(p, n);
};
/// A model: something that a network runs, with static sizes (model/model.hpp) or without (model/sized_model.hpp).
template <class M>
concept Model = requires {
  typename M::network_type;
}
&&Network<typename M::network_type>&& std::is_convertible_v<M&, typename M::network_type&>;

/// What runs a model: its network of run-time sizes, which is compiled once for all models.
template <class Model>
auto& network_of(Model& model) {
  static_assert(spankey::Model<Model>,
                "SpanKey: this is not a Model: give model_of a list of layers; see model/model.hpp and "
                "examples/05_model_of_your_own.cpp");
  return static_cast<typename Model::network_type&>(model);
}
/// Samples and keys as a step reads them; views of static shapes and arrays of keys convert.
template <class Model>
using samples_view = batch_view<const typename Model::scalar, any_shape>;
template <class Model>
using keys_view = std::span<const site_keys<typename Model::master>>;

/// The same where a caller writes them: a model with an input of static shape needs no size of a sample.
template <class Model>
struct given_samples {
  using type = samples_view<Model>;
};
template <class Model>
requires requires { typename Model::input; }
struct given_samples<Model> {
  using type = batch_view<const typename Model::scalar, typename Model::input>;
};

/// The loss of one stacked batch as kernels compute it, without the functors of the host.
template <class Deny>
loss_problem loss_problem_of(const head_outputs& head, const objective<Deny>& o, index_t samples_of_group) {
  loss_problem p{.samples = samples_of_group,
                 .groups = o.groups(),
                 .outputs = head,
                 .softmax = head.softmax,
                 .classes = o.classes,
                 .weight = o.weight,
                 .smoothing = o.smoothing};
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
  return p;
}

/// Zeroed gradients, then the logits of the groups of x. Up to the first site with keys the groups are the same samples:
/// they are computed once. Logits and what follows from them are never shared.
template <class Network, class Deny>
auto forward_groups(Network& model, const objective<Deny>& o, pass& p, samples_view<Network> x,
                    keys_view<Network> keys) {
  p = {.groups = o.groups(),
       .training = true,
       .statistics = o.statistics,
       .seed = o.seed,
       .step = o.step,
       .first_sample = o.first_sample,
       .across = o.across,
       .watch = o.watch};
  if (x.samples() < p.groups || x.samples() % p.groups != 0)
    fail("train.105", "compute_gradients", "found ", x.samples(), " samples for ", p.groups, " equal groups");
  require_written(model, x.samples(), "compute_gradients");
  zero_gradients(model);
  p.shared = p.groups > 1 && model.shares_pass(keys, p.groups);
  const auto* const logits =
      model.forward(p, x.data(), p.shared ? x.samples() / p.groups : x.samples(), keys);
  p.shared = false;
  return batch_view<const typename Network::master, any_shape>(logits, x.samples() * model.answers(),
                                                               model.head());
}

/// Zeroed gradients, forward, loss and backward where the model's memory is not the host's; returns the logits. What the
/// step comes to stays there as well (loss_kernels): nothing waits.
template <class Network, class Deny>
auto enqueue_gradients(Network& model, const objective<Deny>& o, samples_view<Network> x, const int* labels,
                       keys_view<Network> keys) {
  pass p;
  const auto logits = forward_groups(model, o, p, x, keys);
  loss_kernels<typename Network::backend_type, typename Network::master>::compute(
      loss_problem_of(model.head(), o, x.samples() / p.groups), logits.data(), labels,
      model.logit_gradient(x.samples()));
  model.backward(p, x.samples());
  return logits;
}

/// The loss of the groups' logits, and its gradient.
template <class T, class Deny>
void compute_loss(const objective<Deny>& o, const head_outputs& head, const int* labels,
                  batch_view<T, any_shape> dz, step_result<T>& result) {
  const index_t groups = o.groups();
  std::fill_n(dz.data(), dz.size(), T(0));
  const auto valid = group_of(result.logits, 0, groups);
  result.cross_entropy =
      cross_entropy(valid, labels, 1.0, group_of(dz, 0, groups), head.softmax, {o.smoothing, o.classes});
  const index_t denied = groups - 1;
  const double share = 1.0 / static_cast<double>(std::max<index_t>(1, denied));
  for (index_t g = 1; g < groups; ++g) {
    const deny_terms<T, any_shape> terms{.valid = valid,
                                         .denied = group_of(result.logits, g, groups),
                                         .labels = labels,
                                         .classes = o.classes,
                                         .valid_gradient = group_of(dz, 0, groups),
                                         .denied_gradient = group_of(dz, g, groups),
                                         .denied_groups = denied,
                                         .softmax = head.softmax};
    result.deny += share * o.deny(terms, share * o.weight);
  }
  result.total = result.cross_entropy + o.weight * result.deny;
  for (index_t n = 0; n < valid.samples(); ++n)
    result.correct += arg_max(valid.sample(n), head.softmax) == labels[n] ? 1 : 0;
}

/// The loss of one part becomes that of the whole batch: a mean over the samples, or tokens, that count. dz stays P times the
/// gradient of that mean, as the gradients do that follow from it: an exact factor, P being a power of two.
template <class T, class Deny>
void share_loss(const objective<Deny>& o, const int* labels, index_t rows, batch_view<T, any_shape> dz,
                step_result<T>& result) {
  const double own = static_cast<double>(rows - std::count(labels, labels + rows, -1));
  const std::span<double> numbers = o.across->room(4);
  numbers[0] = own * result.cross_entropy;
  numbers[1] = own * result.deny;
  numbers[2] = static_cast<double>(result.correct);
  numbers[3] = own;
  o.across->add(numbers);
  const double all = std::max(1.0, numbers[3]), factor = own * static_cast<double>(o.across->parts()) / all;
  if (factor != 1)
    for (index_t i = 0; i < dz.size(); ++i)
      dz.data()[i] = static_cast<T>(static_cast<double>(dz.data()[i]) * factor);
  result.cross_entropy = numbers[0] / all;
  result.deny = numbers[1] / all;
  result.total = result.cross_entropy + o.weight * result.deny;
  result.correct = static_cast<index_t>(numbers[2]);
}

/// Forward, loss and backward of one batch; labels (N), or (N, tokens) of a network that answers for every token, from 0 to
/// classes - 1, or -1 of a token that does not count (else train.109, on the host). x, labels and
/// keys lie in the model's memory, as the logits do that it returns; its numbers are the host's, so it waits for them.
template <class Model, class Deny>
step_result<typename Model::master> compute_gradients(Model& any_model, const objective<Deny>& o,
                                                      typename given_samples<Model>::type given,
                                                      const int* labels,
                                                      std::type_identity_t<keys_view<Model>> keys) {
  using T = typename Model::master;
  auto& model = network_of(any_model);
  const samples_view<Model> x = given;
  step_result<T> result;
  if constexpr (!memory_of_model<Model>::on_host) {
    result.logits = enqueue_gradients(model, o, x, labels, keys);
    const step_numbers found = loss_kernels<typename Model::backend_type, T>::fetch();
    result.cross_entropy = found.cross_entropy;
    result.deny = found.deny;
    result.total = found.cross_entropy + o.weight * found.deny;
    result.correct = static_cast<index_t>(found.correct);
  } else {
    const index_t rows = x.samples() * model.answers(), least = model.answers_tokens() ? -1 : 0;
    for (index_t n = 0; n < rows / o.groups(); ++n) {
      if (labels[n] < least || labels[n] >= o.classes)
        fail("train.109", "compute_gradients", "found label ", labels[n], " of sample ", n, ", expected ",
             least, " to ", o.classes - 1);
    }
    pass p;
    result.logits = forward_groups(model, o, p, x, keys);
    const head_outputs head = model.head();
    const batch_view<T, any_shape> dz{model.logit_gradient(x.samples()), rows, head};
    compute_loss(o, head, labels, dz, result);
    if (o.across != nullptr) share_loss(o, labels, rows / o.groups(), dz, result);
    model.backward(p, x.samples());
  }
  return result;
}

}  // namespace spankey
