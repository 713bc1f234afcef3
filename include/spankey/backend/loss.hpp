// The loss of one stacked batch as a backend with memory of its own computes it, where no functor of the host can run.
//
// A deny loss is then a sum of parts, weight times the mean over the samples of one formula each:
//   L = CE(z_valid, y) + weight * mean over the denied groups of sum_p weight_p mean_n formula_p(n)
// Which formulas there are is said in loss/deny/rows.hpp, with their texts: here a formula is a number that is handed on.
#pragma once

#include <array>

#include "spankey/backend/backend.hpp"

namespace spankey {

enum class deny_formula : int;

struct deny_part {
  deny_formula formula{};
  double weight = 1;
  double amount = 0;  // gap or margin
};

inline constexpr int max_deny_parts = 8;

struct loss_problem {
  index_t samples = 0, groups = 1;   // of one group; groups in the stacked batch
  index_t outputs = 0, softmax = 0;  // logits of a row, and those of them in the softmax
  index_t classes = 0;
  double weight = 0;     // lambda
  double smoothing = 0;  // of the labels of group 0, over `classes`
  int part_count = 0;
  std::array<deny_part, max_deny_parts> parts{};
};

/// What a step leaves behind.
struct step_numbers {
  double cross_entropy = 0, deny = 0, correct = 0, squared_gradient_norm = 0;
};

/// A backend whose memory is not the host's provides
///   compute(problem, logits, labels, dlogits)   dlogits overwritten; its numbers stay on the device
template <class Backend, class T>
struct loss_kernels;

}  // namespace spankey
