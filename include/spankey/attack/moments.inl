// What attack/moments.hpp declares.
#pragma once

#include <cmath>

#include "spankey/attack/moments.hpp"
#include "spankey/attack/spectral.inl"

namespace spankey {

Eigen::VectorXd mapped_mean(const Eigen::MatrixXd& weights, Eigen::Index channels,
                            const output_moments& out) {
  Eigen::MatrixXd sum = Eigen::MatrixXd::Zero(channels, weights.cols());
  for (Eigen::Index at = 0; at < weights.rows(); at += channels) sum += weights.middleRows(at, channels);
  return sum.transpose().completeOrthogonalDecomposition().solve(out.mean);
}

Eigen::MatrixXd least_rotation(const Eigen::VectorXd& from, const Eigen::VectorXd& to) {
  const Eigen::VectorXd a = from.normalized(), b = to.normalized();
  const Eigen::MatrixXd one = Eigen::MatrixXd::Identity(a.size(), a.size());
  const double cosine = a.dot(b);
  if (cosine < -1 + 1e-9)
    return one - 2 * a * a.transpose();  // a reflection: there is no single least rotation
  const Eigen::VectorXd sum = a + b;
  return one - sum * sum.transpose() / (1 + cosine) + 2 * b * a.transpose();
}

Eigen::MatrixXd with_mapped_mean(const Eigen::MatrixXd& estimate, const Eigen::MatrixXd& weights,
                                 const input_moments& in, const output_moments& out) {
  const Eigen::Index c = in.channels();
  Eigen::VectorXd mean = Eigen::VectorXd::Zero(c);
  for (Eigen::Index at = 0; at < weights.rows(); at += c) mean += in.window_mean.segment(at, c);
  const Eigen::VectorXd mapped = mapped_mean(weights, c, out);
  if (weights.cols() < c || !(mean.norm() > 0) || !(mapped.norm() > 0)) return estimate;
  return least_rotation(estimate * mean, mapped) * estimate;
}

moment_mismatch::moment_mismatch(const Eigen::MatrixXd& weights, const input_moments& in,
                                 const output_moments& out)
    : weights_(weights), in_(in), out_(out) {
  out_.variance = out_.variance.cwiseMax(1e-12);
  centred_ = in.window_second - in.window_mean * in.window_mean.transpose();
}

double moment_mismatch::operator()(const Eigen::MatrixXd& r, Eigen::MatrixXd* gradient) const {
  const Eigen::Index c = in_.channels(), outputs = weights_.cols();
  Eigen::MatrixXd seen(weights_.rows(),
                       outputs);  // of every output, the weights of what a window really has
  for (Eigen::Index at = 0; at < weights_.rows(); at += c)
    seen.middleRows(at, c) = r.transpose() * weights_.middleRows(at, c);
  const Eigen::MatrixXd spread = centred_ * seen;
  const Eigen::VectorXd variance = seen.cwiseProduct(spread).colwise().sum().transpose();
  const Eigen::VectorXd of_mean = (seen.transpose() * in_.window_mean - out_.mean);
  const Eigen::VectorXd of_variance = variance.cwiseQuotient(out_.variance) - Eigen::VectorXd::Ones(outputs);
  const double share = 1 / static_cast<double>(outputs);
  if (gradient != nullptr) {
    const Eigen::VectorXd by_mean = 2 * share * of_mean.cwiseQuotient(out_.variance);
    const Eigen::VectorXd by_variance = 4 * share * of_variance.cwiseQuotient(out_.variance);
    const Eigen::MatrixXd by_seen = in_.window_mean * by_mean.transpose() + spread * by_variance.asDiagonal();
    gradient->setZero(c, c);
    for (Eigen::Index at = 0; at < weights_.rows(); at += c)
      *gradient += weights_.middleRows(at, c) * by_seen.middleRows(at, c).transpose();
  }
  return share * (of_mean.cwiseAbs2().cwiseQuotient(out_.variance).sum() + of_variance.squaredNorm());
}

Eigen::MatrixXd moment_attack(const Eigen::MatrixXd& start, const Eigen::MatrixXd& weights,
                              const input_moments& in, const output_moments& out, const moment_options& o) {
  const moment_mismatch mismatch(weights, in, out);
  const Eigen::MatrixXd one = Eigen::MatrixXd::Identity(start.rows(), start.cols());
  Eigen::MatrixXd map = start, direction;
  double now = mismatch(map, &direction), length = 0.1;
  for (std::uint64_t i = 0; i < o.updates && now > 1e-9; ++i) {
    if (o.rotation) {
      direction *= map.transpose();
      direction -= Eigen::MatrixXd(direction.transpose());
    }
    const double size = direction.norm();
    if (!(size > 1e-12)) break;
    direction /= size;
    for (int tries = 0;; ++tries) {
      const Eigen::MatrixXd next =
          o.rotation ? Eigen::MatrixXd(
                           (one + length * direction).partialPivLu().solve((one - length * direction) * map))
                     : Eigen::MatrixXd(map - length * direction);
      const double then = mismatch(next);
      if (then < now) {
        map = next, length *= 1.5;
        break;
      }
      if (tries == 12) return map;
      length /= 2;
    }
    now = mismatch(map, &direction);
  }
  return map;
}

}  // namespace spankey
