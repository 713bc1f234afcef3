// An estimate of a lock's map without labels, from the spectrum of the locked weights.
//
//   W' = T^-T W, T = R for a plain lock      W' W'^T = R (W W^T) R^T       summed over the taps of a convolution
// Weights that were trained align with what their layer reads: where the eigenvectors of W W^T are those of the input's second
// moment, U, the ones of W' W'^T are V = R U, and R^ = V S U^T. The signs S are those for which the layer's outputs have the means
// that a batch norm behind it keeps: linear equations, O for C signs. Without such means they stay as they come.
// Source: the authors' analysis of locks that rotate channels (docs/gates.md).
#pragma once

#include "spankey/core/macros_off.hpp"
// Up to the last line other people's macros are out of the way.

#include <Eigen/Dense>
#include <optional>

#include "spankey/attack/input_moments.hpp"
#include "spankey/core/compiled.hpp"

namespace spankey {

/// Of the outputs of a layer (O), as a batch norm behind it tells them.
struct output_moments {
  Eigen::VectorXd mean, variance;
};

/// Eigenvectors of a symmetric matrix as columns, the largest eigenvalue first.
struct spectrum {
  Eigen::VectorXd values;
  Eigen::MatrixXd vectors;

  SPANKEY_INLINE explicit spectrum(const Eigen::MatrixXd& matrix);
};

/// W' W'^T (C, C) of weights (taps C, O).
SPANKEY_INLINE Eigen::MatrixXd moment_of_weights(const Eigen::MatrixXd& weights, Eigen::Index channels);

/// |T^ - T|_F / (sqrt 2 |T|_F): of rotations |R^ - R|_F / sqrt(2 C), 1 where they have nothing to do with each other.
SPANKEY_INLINE double map_error(const Eigen::MatrixXd& estimate, const Eigen::MatrixXd& map);

/// What the lock really has before an entry: T (C, C) for which locked = T^-T open, by least squares, of weights (taps C, O) of full
/// rank C.
SPANKEY_INLINE Eigen::MatrixXd map_between(const Eigen::MatrixXd& open, const Eigen::MatrixXd& locked,
                                           Eigen::Index channels);

/// s (+-1) for which |A s - b| is small: those of the least squares solution, then one flip after another while it helps.
SPANKEY_INLINE Eigen::VectorXd signs_of(const Eigen::MatrixXd& a, const Eigen::VectorXd& b);

/// T^ (C, C) of weights (taps C, O). Whitened weights have no spectrum of their own, and T scales: then the eigenvalues of W W^T are
/// taken to be those of the input, times a factor.
SPANKEY_INLINE Eigen::MatrixXd spectral_attack(const Eigen::MatrixXd& weights, const input_moments& in,
                                               const std::optional<output_moments>& out,
                                               bool whitened = false);

/// The signed permutation P (C, C) with the largest sum of P_ij m_ij: for locks that only permute and negate. By the Hungarian
/// method (Kuhn 1955), C^3.
SPANKEY_INLINE Eigen::MatrixXd nearest_signed_permutation(const Eigen::MatrixXd& m);

}  // namespace spankey

#if !defined(SPANKEY_COMPILED)
#include "spankey/attack/spectral.inl"
#endif

#include "spankey/core/macros_on.hpp"
