// Matrices for tests of attacks.
#pragma once

#include <Eigen/Dense>
#include <cstdint>

#include "spankey/core/random.hpp"

/// Gaussian numbers (rows, columns).
inline Eigen::MatrixXd drawn(Eigen::Index rows, Eigen::Index columns, std::uint64_t seed) {
  const spankey::random_source random(seed, spankey::stream::attack);
  Eigen::MatrixXd m(rows, columns);
  for (Eigen::Index i = 0; i < m.size(); ++i)
    m(i / columns, i % columns) = random.gaussian(static_cast<std::uint64_t>(i));
  return m;
}
inline Eigen::MatrixXd drawn_rotation(Eigen::Index n, std::uint64_t seed) {
  return Eigen::HouseholderQR<Eigen::MatrixXd>(drawn(n, n, seed)).householderQ();
}
