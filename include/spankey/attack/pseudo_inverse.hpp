// The other public attack on TaylorMLP (ThatE10/Extracting-Weights), as a negative control: W_down by least squares from answers.
//
//   H (samples, S): f(W~_first x) [W_up x], with the gate as it was released, perturbed;   W^_down = H^+ (Y - what the others add)
// With fewer samples than neurons this is the shortest of many solutions, and under perturbed signs, or without the biases, it
// solves for other features than the network has. Its claim does not hold: columns are far off. Source of the numbers it quoted: a mean
// of signed differences, which is 0 of any unbiased guess.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <Eigen/Dense>
#include <span>

#include "spankey/attack/extract_mlp.hpp"

namespace spankey {

/// Of `samples` (count, inputs), which the release answers: the weights that this finds, neurons in their own order.
inline mlp_weights extract_by_pseudo_inverse(const taylor_mlp& r, std::span<const float> samples) {
  const auto count = static_cast<index_t>(samples.size()) / r.inputs;
  Eigen::MatrixXd features(count, r.series()), answers(count, r.outputs);
  mlp_weights rest = r.rest;
  rest.down_bias = r.constant;
  for (index_t n = 0; n < count; ++n) {
    const float* const x = samples.data() + n * r.inputs;
    const std::vector<double> whole = exact_release(r, x), others = exact_mlp(rest, x);
    for (index_t o = 0; o < r.outputs; ++o)
      answers(n, o) = whole[static_cast<std::size_t>(o)] - others[static_cast<std::size_t>(o)];
    for (index_t j = 0; j < r.series(); ++j) {
      features(n, j) = derivatives_at(r.act, dot(r.first.data() + j * r.inputs, x, r.inputs))[0];
      if (r.gated()) features(n, j) *= dot(r.up.data() + j * r.inputs, x, r.inputs);
    }
  }
  const Eigen::MatrixXd solved = features.completeOrthogonalDecomposition().solve(answers);
  mlp_weights found = extract_mlp(r).weights;  // for its layout: everything that is protected is overwritten
  for (index_t j = 0; j < r.series(); ++j) {
    const std::int64_t neuron = r.sampled[static_cast<std::size_t>(j)];
    std::copy_n(r.first.begin() + j * r.inputs, r.inputs, found.first.begin() + neuron * r.inputs);
    if (!found.first_bias.empty()) found.first_bias[static_cast<std::size_t>(neuron)] = 0;
    for (index_t o = 0; o < r.outputs; ++o)
      found.down[static_cast<std::size_t>(neuron * r.outputs + o)] = static_cast<float>(solved(j, o));
  }
  return found;
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
