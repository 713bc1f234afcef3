// What attack/spectral.hpp declares.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "spankey/attack/spectral.hpp"

namespace spankey {

spectrum::spectrum(const Eigen::MatrixXd& matrix) {
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(matrix);
  values = solver.eigenvalues().reverse();
  vectors = solver.eigenvectors().rowwise().reverse();
}

Eigen::MatrixXd moment_of_weights(const Eigen::MatrixXd& weights, Eigen::Index channels) {
  Eigen::MatrixXd sum = Eigen::MatrixXd::Zero(channels, channels);
  for (Eigen::Index at = 0; at < weights.rows(); at += channels) {
    const auto tap = weights.middleRows(at, channels);
    sum += tap * tap.transpose();
  }
  return sum;
}

double map_error(const Eigen::MatrixXd& estimate, const Eigen::MatrixXd& map) {
  return (estimate - map).norm() / (std::sqrt(2.0) * map.norm());
}

Eigen::MatrixXd map_between(const Eigen::MatrixXd& open, const Eigen::MatrixXd& locked,
                            Eigen::Index channels) {
  Eigen::MatrixXd across = Eigen::MatrixXd::Zero(channels, channels);
  for (Eigen::Index at = 0; at < open.rows(); at += channels)
    across += locked.middleRows(at, channels) * open.middleRows(at, channels).transpose();
  const Eigen::MatrixXd inverse_transposed =
      moment_of_weights(open, channels).ldlt().solve(across.transpose()).transpose();
  return inverse_transposed.inverse().transpose();
}

Eigen::VectorXd signs_of(const Eigen::MatrixXd& a, const Eigen::VectorXd& b) {
  const Eigen::Index n = a.cols();
  const Eigen::MatrixXd normal = a.transpose() * a;
  const double ridge = 1e-6 * normal.trace() / static_cast<double>(n) + 1e-300;
  Eigen::VectorXd s = (normal + ridge * Eigen::MatrixXd::Identity(n, n)).ldlt().solve(a.transpose() * b);
  for (double& number : s) number = number < 0 ? -1 : 1;
  Eigen::VectorXd left = a * s - b;
  for (bool better = true; better;) {
    better = false;
    for (Eigen::Index k = 0; k < n; ++k) {
      const Eigen::VectorXd flipped = left - 2 * s[k] * a.col(k);
      if (flipped.squaredNorm() >= left.squaredNorm() * (1 - 1e-12)) continue;
      left = flipped, s[k] = -s[k], better = true;
    }
  }
  return s;
}

Eigen::MatrixXd spectral_attack(const Eigen::MatrixXd& weights, const input_moments& in,
                                const std::optional<output_moments>& out, bool whitened) {
  const Eigen::Index c = in.channels();
  const spectrum of_input(in.second), of_weights(moment_of_weights(weights, c));
  Eigen::VectorXd stretch = Eigen::VectorXd::Ones(c);
  if (whitened) {
    stretch = of_input.values.cwiseMax(1e-2 * of_input.values.mean()).cwiseSqrt();
    stretch *= std::sqrt(static_cast<double>(c)) / stretch.norm();
  }
  Eigen::MatrixXd left = of_weights.vectors;
  const Eigen::MatrixXd right = stretch.asDiagonal() * of_input.vectors.transpose();
  if (out) {
    Eigen::MatrixXd a = Eigen::MatrixXd::Zero(weights.cols(), c);
    for (Eigen::Index at = 0; at < weights.rows(); at += c) {
      const Eigen::VectorXd mean = right * in.window_mean.segment(at, c);
      a += weights.middleRows(at, c).transpose() * left * mean.asDiagonal();
    }
    const Eigen::VectorXd deviation = out->variance.cwiseMax(1e-12).cwiseSqrt();
    left =
        left *
        signs_of(deviation.cwiseInverse().asDiagonal() * a, out->mean.cwiseQuotient(deviation)).asDiagonal();
  }
  return left * right;
}

Eigen::MatrixXd nearest_signed_permutation(const Eigen::MatrixXd& m) {
  const auto n = static_cast<std::size_t>(m.rows());
  const auto cost = [&](std::size_t row, std::size_t column) {
    return -std::abs(m(static_cast<Eigen::Index>(row - 1), static_cast<Eigen::Index>(column - 1)));
  };
  std::vector<double> u(n + 1, 0), v(n + 1, 0);
  std::vector<std::size_t> row_of(n + 1, 0), came_from(n + 1, 0);
  for (std::size_t row = 1; row <= n; ++row) {
    std::vector<double> least(n + 1, std::numeric_limits<double>::infinity());
    std::vector<bool> used(n + 1, false);
    std::size_t at = 0;
    row_of[0] = row;
    do {
      used[at] = true;
      std::size_t next = 0;
      double step = std::numeric_limits<double>::infinity();
      for (std::size_t j = 1; j <= n; ++j) {
        if (used[j]) continue;
        const double reduced = cost(row_of[at], j) - u[row_of[at]] - v[j];
        if (reduced < least[j]) least[j] = reduced, came_from[j] = at;
        if (least[j] < step) step = least[j], next = j;
      }
      for (std::size_t j = 0; j <= n; ++j) {
        if (used[j])
          u[row_of[j]] += step, v[j] -= step;
        else
          least[j] -= step;
      }
      at = next;
    } while (row_of[at] != 0);
    for (; at != 0; at = came_from[at]) row_of[at] = row_of[came_from[at]];
  }
  Eigen::MatrixXd p = Eigen::MatrixXd::Zero(m.rows(), m.cols());
  for (std::size_t j = 1; j <= n; ++j) {
    const auto row = static_cast<Eigen::Index>(row_of[j] - 1), column = static_cast<Eigen::Index>(j - 1);
    p(row, column) = m(row, column) < 0 ? -1 : 1;
  }
  return p;
}

}  // namespace spankey
