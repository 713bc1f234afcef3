// The orthonormal map of which somebody saw p inputs and outputs, by the orthogonal Procrustes problem:
//
//   Q = U V^T of  M = H^T H~ = U S V^T,        H (p, d), H~ (p, d) = H Q, row by row
// U V^T is found without a decomposition, by Newton and Schulz's iteration X <- 1.5 X - .5 X X^T X from M / |M|, which makes 1
// of every singular value above 1e-9 of the largest and leaves what the pairs do not span 0. Exact from d independent pairs on.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <cmath>
#include <span>
#include <vector>

#include "spankey/core/error.hpp"
#include "spankey/core/shape.hpp"

namespace spankey {

/// Q (d, d), row by row. Fails with attack.120 unless both are p rows of d numbers, p from 1.
inline std::vector<double> procrustes(std::span<const float> inputs, std::span<const float> outputs,
                                      index_t d) {
  const auto count = static_cast<index_t>(inputs.size());
  if (d < 1 || count < d || count % d != 0 || inputs.size() != outputs.size())
    fail("attack.120", "procrustes", "found ", inputs.size(), " and ", outputs.size(),
         " numbers, expected rows of ", d, " of both");
  using matrix = std::vector<double>;
  const auto size = static_cast<std::size_t>(d * d);
  // to (d, d) = of by, or of^T by.
  const auto multiply = [&](const matrix& of, const matrix& by, bool transposed, matrix& to) {
    to.assign(size, 0);
    for (index_t i = 0; i < d; ++i)
      for (index_t k = 0; k < d; ++k) {
        const double x = of[static_cast<std::size_t>(transposed ? k * d + i : i * d + k)];
        for (index_t j = 0; j < d; ++j)
          to[static_cast<std::size_t>(i * d + j)] += x * by[static_cast<std::size_t>(k * d + j)];
      }
  };
  matrix q(size), gram, cubed;
  for (index_t p = 0; p < count / d; ++p)
    for (index_t i = 0; i < d; ++i) {
      const double x = static_cast<double>(inputs[static_cast<std::size_t>(p * d + i)]);
      for (index_t j = 0; j < d; ++j)
        q[static_cast<std::size_t>(i * d + j)] +=
            x * static_cast<double>(outputs[static_cast<std::size_t>(p * d + j)]);
    }
  double squares = 0;
  for (const double x : q) squares += x * x;
  for (double& x : q) x /= squares > 0 ? std::sqrt(squares) : 1;
  for (int i = 0; i < 60; ++i) {
    multiply(q, q, true, gram);
    multiply(q, gram, false, cubed);
    for (std::size_t j = 0; j < size; ++j) q[j] = 1.5 * q[j] - 0.5 * cubed[j];
  }
  return q;
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
