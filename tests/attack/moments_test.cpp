// The equations of a batch norm: exact ones are solved, and too few of them are met without finding the rotation. 1 s to run.
#include "spankey/attack/moments.hpp"

#include <doctest/doctest.h>

#include "eigen_draws.hpp"

using namespace spankey;

namespace {
// A layer of two taps before `o` outputs, and what a norm behind it tells.
struct layer_of {
  Eigen::Index c, o;
  Eigen::MatrixXd w = drawn(2 * c, o, 1), r = drawn_rotation(c, 2), locked = w;
  input_moments in;
  output_moments out;

  layer_of(Eigen::Index channels, Eigen::Index outputs) : c(channels), o(outputs) {
    const Eigen::MatrixXd windows = drawn(2 * c, 400, 3).array() + 0.5;
    in.window_mean = windows.rowwise().mean();
    in.window_second = windows * windows.transpose() / 400;
    in.second = in.window_second.topLeftCorner(c, c);
    const Eigen::MatrixXd y = w.transpose() * windows;
    out.mean = y.rowwise().mean();
    out.variance = (y.colwise() - out.mean).cwiseAbs2().rowwise().mean();
    for (Eigen::Index tap = 0; tap < 2; ++tap) locked.middleRows(tap * c, c) = r * w.middleRows(tap * c, c);
  }
};
}  // namespace

TEST_CASE("moment attack: J is 0 at the rotation, and its gradient is the difference quotient's") {
  const layer_of layer(5, 7);
  const moment_mismatch mismatch(layer.locked, layer.in, layer.out);
  CHECK(mismatch(layer.r) < 1e-20);
  const Eigen::MatrixXd at = drawn_rotation(5, 4), along = drawn(5, 5, 5);
  Eigen::MatrixXd gradient;
  CHECK(mismatch(at, &gradient) > 0.1);
  const double step = 1e-6;
  const double quotient = (mismatch(at + step * along) - mismatch(at - step * along)) / (2 * step);
  CHECK(quotient == doctest::Approx(gradient.cwiseProduct(along).sum()).epsilon(1e-5));
}

TEST_CASE("moment attack: finds the rotation from nearby where there are equations enough") {
  const layer_of layer(5, 30);  // 60 equations for 10 numbers
  Eigen::MatrixXd turn = drawn(5, 5, 6) * 0.1;
  turn -= Eigen::MatrixXd(turn.transpose());
  const Eigen::MatrixXd one = Eigen::MatrixXd::Identity(5, 5);
  const Eigen::MatrixXd start = (one + turn).inverse() * (one - turn) * layer.r;
  REQUIRE(map_error(start, layer.r) > 0.1);
  const Eigen::MatrixXd found = moment_attack(start, layer.locked, layer.in, layer.out, {.updates = 2000});
  CHECK(map_error(found, layer.r) < 1e-2);
  CHECK((found * found.transpose() - one).norm() < 1e-9);
}

TEST_CASE("moment attack: meets few equations and is far from the rotation") {
  const layer_of layer(24, 6);  // 12 equations for 276 numbers
  const Eigen::MatrixXd start = drawn_rotation(24, 7);
  const moment_mismatch mismatch(layer.locked, layer.in, layer.out);
  const Eigen::MatrixXd found = moment_attack(start, layer.locked, layer.in, layer.out, {.updates = 300});
  CHECK(mismatch(found) < 0.05 * mismatch(start));
  CHECK(map_error(found, layer.r) > 0.5);
}

TEST_CASE("moment attack: of a map that is no rotation, any matrix is tried") {
  const layer_of layer(4, 40);
  const Eigen::MatrixXd start = layer.r * (Eigen::MatrixXd::Identity(4, 4) + 0.2 * drawn(4, 4, 8));
  const moment_mismatch mismatch(layer.locked, layer.in, layer.out);
  const Eigen::MatrixXd found =
      moment_attack(start, layer.locked, layer.in, layer.out, {.updates = 2000, .rotation = false});
  REQUIRE(map_error(start, layer.r) > 0.1);
  CHECK(mismatch(found) < 1e-3 * mismatch(start));
  CHECK(map_error(found, layer.r) < 0.05);
}

TEST_CASE("moment attack: the mean behind the rotation is known, and a first estimate turns to it") {
  layer_of layer(6, 9);
  layer.in.window_mean.tail(6) = layer.in.window_mean.head(6);  // both taps read the same mean
  layer.out.mean = layer.w.transpose() * layer.in.window_mean;
  const Eigen::VectorXd mean = layer.in.window_mean.head(6);
  CHECK((mapped_mean(layer.locked, 6, layer.out) - layer.r * mean).norm() < 1e-9);
  const Eigen::MatrixXd turned =
      with_mapped_mean(Eigen::MatrixXd::Identity(6, 6), layer.locked, layer.in, layer.out);
  CHECK((turned * mean - layer.r * mean).norm() < 1e-9);
  CHECK((turned * turned.transpose() - Eigen::MatrixXd::Identity(6, 6)).norm() < 1e-9);
  const Eigen::VectorXd opposite = -mean;
  CHECK((least_rotation(mean, opposite) * mean - opposite).norm() < 1e-9);
}
