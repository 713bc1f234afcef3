// An estimate of a lock's rotation without labels, from what a batch norm behind the locked layer tells of its outputs: the nearest
// rotation to a first estimate for which the outputs have those means and variances.
//
//   least squares   W' r = mu - b for r = R x, x the mean input: one vector of R's image, of which C (C - 1) / 2 numbers are unknown
//   moment attack   J(R) = mean over outputs of ((m - mu)^2 / v + (s / v - 1)^2),  m and s the mean and variance of W'^T R w
//                   over the input's windows w; descends on the rotations by Cayley's steps, R <- (1 + a A)^-1 (1 - a A) R
//                   with A = G R^T - R G^T, G = dJ/dR, from the first estimate
// Both are equations for 2 O numbers only: they rule out more than they decide. Of a lock that whitens the map is no rotation: then
// J(T) descends on all matrices.
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <Eigen/Dense>
#include <cstdint>

#include "spankey/attack/spectral.hpp"

namespace spankey {

/// r (C) of a layer whose window is one position, or whose taps read inputs of the same mean: least squares, of weights (taps C, O).
SPANKEY_INLINE Eigen::VectorXd mapped_mean(const Eigen::MatrixXd& weights, Eigen::Index channels,
                                           const output_moments& out);

/// The rotation (C, C) that moves the least and takes the direction of `from` to that of `to`; neither is 0.
SPANKEY_INLINE Eigen::MatrixXd least_rotation(const Eigen::VectorXd& from, const Eigen::VectorXd& to);

/// A first estimate, turned by as little as takes the mean input to what the outputs' means say: where there are equations enough.
SPANKEY_INLINE Eigen::MatrixXd with_mapped_mean(const Eigen::MatrixXd& estimate,
                                                const Eigen::MatrixXd& weights, const input_moments& in,
                                                const output_moments& out);

/// J(R) and dJ/dR.
class moment_mismatch {
 public:
  SPANKEY_INLINE moment_mismatch(const Eigen::MatrixXd& weights, const input_moments& in,
                                 const output_moments& out);

  /// gradient (C, C) is overwritten where it is given.
  SPANKEY_INLINE double operator()(const Eigen::MatrixXd& r, Eigen::MatrixXd* gradient = nullptr) const;

 private:
  const Eigen::MatrixXd& weights_;
  const input_moments& in_;
  output_moments out_;
  Eigen::MatrixXd centred_;
};

struct moment_options {
  std::uint64_t updates = 200;
  bool rotation = true;  // the map is one, as of a plain lock; else any matrix, as of a lock that whitens
};

/// T^ (C, C) from `start` of weights (taps C, O): at most so many steps, each as long as it makes J smaller.
SPANKEY_INLINE Eigen::MatrixXd moment_attack(const Eigen::MatrixXd& start, const Eigen::MatrixXd& weights,
                                             const input_moments& in, const output_moments& out,
                                             const moment_options& o = {});

}  // namespace spankey

#if !defined(SPANKEY_COMPILED)
#include "spankey/attack/moments.inl"
#endif

#include "spankey/core/macros_on.hpp"
