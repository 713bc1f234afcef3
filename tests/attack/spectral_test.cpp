// The spectrum gives a rotation away where weights align with their input, and nothing where a lock whitened them. 1 s to run.
#include "spankey/attack/spectral.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "eigen_draws.hpp"

using namespace spankey;

namespace {
// A layer of one tap whose weights align with their input, and the same behind a rotation.
struct aligned_layer {
  static constexpr Eigen::Index c = 12, o = 30;
  Eigen::MatrixXd u = drawn_rotation(c, 1), r = drawn_rotation(c, 2), w;
  input_moments in;
  output_moments out;

  explicit aligned_layer(bool whitened) {
    const Eigen::VectorXd values = Eigen::VectorXd::LinSpaced(c, 1, 4);
    const Eigen::MatrixXd rows = drawn_rotation(o, 3).topRows(c);
    w = (whitened ? Eigen::MatrixXd(u) : Eigen::MatrixXd(u * values.asDiagonal())) * rows;
    in.second = u * values.cwiseAbs2().asDiagonal() * u.transpose();
    in.window_mean = drawn(c, 1, 4);
    in.window_second = in.second;
    out.mean = w.transpose() * in.window_mean;
    out.variance = Eigen::VectorXd::Ones(o);
  }
};
}  // namespace

TEST_CASE("spectral attack: wins where weights align, with the signs that the means tell") {
  const aligned_layer layer(false);
  const Eigen::MatrixXd locked = layer.r * layer.w;
  CHECK(map_error(spectral_attack(locked, layer.in, layer.out), layer.r) < 1e-6);
  // Without the means a direction may point either way, and most signs are wrong for some keys: never worse than its mirror image.
  const Eigen::MatrixXd blind = spectral_attack(locked, layer.in, {});
  const Eigen::MatrixXd turned = (layer.r * layer.u).transpose() * blind * layer.u;
  for (Eigen::Index i = 0; i < turned.rows(); ++i) CHECK(std::abs(turned(i, i)) > 1 - 1e-6);
}

TEST_CASE("spectral attack: whitened weights have no directions") {
  const aligned_layer layer(true);
  CHECK(map_error(spectral_attack(layer.r * layer.w, layer.in, {}), layer.r) > 0.5);
}

TEST_CASE("spectral attack: signs of a least squares problem") {
  const Eigen::MatrixXd a = drawn(20, 10, 5);
  const Eigen::VectorXd s = drawn(10, 1, 6).cwiseSign();
  CHECK((signs_of(a, a * s) - s).norm() == 0);
  // Fewer equations than signs: the mismatch is at least not larger than with all of them +1.
  const Eigen::MatrixXd few = a.topRows(4);
  const Eigen::VectorXd b = few * s;
  CHECK((few * signs_of(few, b) - b).norm() <= (few * Eigen::VectorXd::Ones(10) - b).norm());
}

TEST_CASE("spectral attack: the signed permutation in a noisy matrix") {
  Eigen::MatrixXd p = Eigen::MatrixXd::Zero(9, 9);
  for (Eigen::Index i = 0; i < 9; ++i) p(i, (i * 4 + 2) % 9) = i % 2 == 0 ? 1 : -1;
  CHECK((nearest_signed_permutation(p + 0.3 * drawn(9, 9, 7)) - p).norm() == 0);
}

TEST_CASE("spectral attack: errors of maps") {
  const Eigen::MatrixXd r = drawn_rotation(64, 8);
  CHECK(map_error(r, r) == 0);
  CHECK(map_error(drawn_rotation(64, 9), r) == doctest::Approx(1).epsilon(0.1));
  CHECK(map_error(-r, r) == doctest::Approx(std::sqrt(2.0)));
}
