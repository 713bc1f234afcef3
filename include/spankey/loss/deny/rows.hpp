// The formulas of the losses, one sample at a time: what the functors of loss/ and the kernels of backends with memory of
// their own (backend/loss.hpp) both call, so that each has one text.
//
// A function returns the loss of its sample and adds `each` times the gradient to the rows of gradients. Computed in
// double from logits of any type. The formulas are written out beside the functor of each mode.
#pragma once

#include <cmath>

#include "spankey/backend/loss.hpp"
#include "spankey/core/host_device.hpp"
#include "spankey/loss/softmax_entropy.hpp"

namespace spankey {

enum class deny_formula : int {
  entropy,
  entropy_floor,
  margin,
  margin_top,
  reject_class,
  reject_head,
  uniform
};

/// The rows of one sample in the valid and in one denied group.
template <class T>
struct deny_row {
  const T *valid, *denied;
  T *valid_gradient, *denied_gradient;
  index_t label, classes;
  index_t denied_groups = 1;  // of the step: the loss is called once for each, and the step takes their mean
  index_t softmax = 0;  // logits of the softmax that a refusal is one of; 0: the classes and the refusal

  SPANKEY_HOST_DEVICE [[nodiscard]] constexpr index_t with_refusal() const {
    return softmax > classes ? softmax : classes + 1;
  }
};

/// -H.
template <class T>
SPANKEY_HOST_DEVICE double entropy_row(const deny_row<T>& r, double each) {
  const softmax_entropy<T> h(r.denied, r.classes);
  for (index_t c = 0; c < r.classes; ++c) r.denied_gradient[c] -= static_cast<T>(each * h.gradient(c));
  return -h.value();
}

/// relu(log C - H - gap)^2.
template <class T>
SPANKEY_HOST_DEVICE double entropy_floor_row(const deny_row<T>& r, double gap, double each) {
  const softmax_entropy<T> h(r.denied, r.classes);
  const double below = positive_part(std::log(static_cast<double>(r.classes)) - h.value() - gap);
  for (index_t c = 0; c < r.classes; ++c)
    r.denied_gradient[c] -= static_cast<T>(each * 2 * below * h.gradient(c));
  return below * below;
}

/// log C - H: the divergence of the softmax from the uniform distribution.
template <class T>
SPANKEY_HOST_DEVICE double uniform_row(const deny_row<T>& r, double each) {
  return std::log(static_cast<double>(r.classes)) + entropy_row(r, each);
}

/// relu(margin - (z_valid[y] - z_denied[y])).
template <class T>
SPANKEY_HOST_DEVICE double margin_row(const deny_row<T>& r, double margin, double each) {
  const index_t y = r.label;
  const double missing =
      positive_part(margin - (static_cast<double>(r.valid[y]) - static_cast<double>(r.denied[y])));
  if (missing != 0) {
    r.valid_gradient[y] -= static_cast<T>(each);
    r.denied_gradient[y] += static_cast<T>(each);
  }
  return missing;
}

/// relu(margin + z_denied[y] - max_{c != y} z_denied[c]); 0 with one class.
template <class T>
SPANKEY_HOST_DEVICE double margin_top_row(const deny_row<T>& r, double margin, double each) {
  if (r.classes < 2) return 0;
  const T* const z = r.denied;
  const index_t y = r.label;
  index_t top = y == 0 ? 1 : 0;  // of equal ones the first; a NaN is the maximum
  for (index_t c = top + 1; c < r.classes; ++c)
    if (c != y && (z[c] > z[top] || z[c] != z[c])) top = c;
  const double missing = positive_part(margin + static_cast<double>(z[y]) - static_cast<double>(z[top]));
  if (missing != 0) {
    r.denied_gradient[y] += static_cast<T>(each);
    r.denied_gradient[top] -= static_cast<T>(each);
  }
  return missing;
}

/// exp overflows to infinity for v < -709: 1 / infinity is the 0 that is wanted.
SPANKEY_HOST_DEVICE inline double sigmoid(double v) { return 1 / (1 + std::exp(-v)); }
SPANKEY_HOST_DEVICE inline double softplus(double v) {
  return positive_part(v) + std::log1p(std::exp(-std::abs(v)));
}

/// BCE(a_denied, 1), with the share of BCE(a_valid, 0) that one of the denied groups brings.
template <class T>
SPANKEY_HOST_DEVICE double reject_head_row(const deny_row<T>& r, double each) {
  const double valid_share = 1.0 / static_cast<double>(r.denied_groups + 1), denied_share = 1.0 - valid_share;
  const double valid = static_cast<double>(r.valid[r.classes]),
               denied = static_cast<double>(r.denied[r.classes]);
  r.valid_gradient[r.classes] += static_cast<T>(each * valid_share * sigmoid(valid));
  r.denied_gradient[r.classes] -= static_cast<T>(each * denied_share * sigmoid(-denied));
  return valid_share * softplus(valid) + denied_share * softplus(-denied);
}

/// CE(z_denied, r), r being the logit behind those of the classes.
template <class T>
SPANKEY_HOST_DEVICE double reject_class_row(const deny_row<T>& r, double each) {
  return cross_entropy_row(r.denied, r.with_refusal(), r.classes, each, r.denied_gradient);
}

/// Without the part's weight.
template <class T>
SPANKEY_HOST_DEVICE double deny_part_row(const deny_part& part, const deny_row<T>& r, double each) {
  switch (part.formula) {
    case deny_formula::entropy:
      return entropy_row(r, each);
    case deny_formula::entropy_floor:
      return entropy_floor_row(r, part.amount, each);
    case deny_formula::margin:
      return margin_row(r, part.amount, each);
    case deny_formula::margin_top:
      return margin_top_row(r, part.amount, each);
    case deny_formula::reject_class:
      return reject_class_row(r, each);
    case deny_formula::reject_head:
      return reject_head_row(r, each);
    case deny_formula::uniform:
      break;
  }
  return uniform_row(r, each);
}

}  // namespace spankey
