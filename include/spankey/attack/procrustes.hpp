// The orthonormal map of which somebody saw p inputs and outputs, by the orthogonal Procrustes problem:
//
//   Q = U V^T of the SVD  H^T H~ = U S V^T,        H (p, d), H~ (p, d) = H Q, row by row
// Exact from d independent pairs on; from fewer, what they span.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <Eigen/Dense>
#include <span>
#include <vector>

#include "spankey/core/error.hpp"
#include "spankey/core/shape.hpp"

namespace spankey {

/// Q (d, d), row by row. Fails with attack.120 unless both are p rows of d numbers, p from 1.
inline std::vector<double> procrustes(std::span<const float> inputs, std::span<const float> outputs,
                                      index_t d) {
  using matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const auto count = static_cast<index_t>(inputs.size());
  if (d < 1 || count < d || count % d != 0 || inputs.size() != outputs.size())
    fail("attack.120", "procrustes", "found ", inputs.size(), " and ", outputs.size(),
         " numbers, expected rows of ", d, " of both");
  const Eigen::Map<const Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>> h(
      inputs.data(), count / d, d),
      to(outputs.data(), count / d, d);
  const Eigen::MatrixXd product = h.cast<double>().transpose() * to.cast<double>();
  const Eigen::JacobiSVD<Eigen::MatrixXd, Eigen::HouseholderQRPreconditioner> parts(
      product, Eigen::ComputeFullU | Eigen::ComputeFullV);
  const matrix q = parts.matrixU() * parts.matrixV().transpose();
  return {q.data(), q.data() + d * d};
}

}  // namespace spankey

#include "spankey/core/macros_on.hpp"
