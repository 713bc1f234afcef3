#include "spankey/interop/eigen.hpp"

#include <doctest/doctest.h>

#include <Eigen/Dense>
#include <numeric>
#include <vector>

#include "spankey/backend/reference/reference.hpp"
#include "spankey/key/subspace.hpp"
#include "spankey/layer/linear.hpp"

using namespace spankey;

namespace {
using image = shape<3, 2, 4>;

struct model {
  linear<image, 5, backend::reference, double> map;
  template <class Visitor>
  void for_each_buffer(Visitor& visit, const scope& at, index_t samples) {
    map.for_each_buffer(visit, at, samples);
  }
};
}  // namespace

TEST_CASE("eigen: a batch is a matrix of its samples, in the batch's own memory") {
  std::vector<float> memory(2 * image::size);
  std::iota(memory.begin(), memory.end(), 0.0F);
  const auto matrix = as_matrix(batch_view<float, image>(memory.data(), 2));
  REQUIRE(matrix.rows() == 2);
  REQUIRE(matrix.cols() == image::size);
  CHECK(matrix(1, 5) == memory[image::size + 5]);
  as_matrix(batch_view<float, image>(memory.data(), 2))(1, 23) = -7.0F;
  CHECK(memory.back() == -7.0F);
  const auto fixed = as_matrix(batch_view<const float, image>(memory.data(), 2));
  CHECK(fixed.row(1).sum() == doctest::Approx(matrix.row(1).sum()));
  CHECK(as_matrix(batch_view<float, image>()).rows() == 0);
}

TEST_CASE("eigen: a linear layer is a product of these matrices") {
  model m;
  const arena memory(m, 3);
  as_matrix(m.map.weight) = Eigen::MatrixXd::Random(image::size, 5);
  std::vector<double> x(3 * image::size);
  std::iota(x.begin(), x.end(), -20.0);
  const batch_view<const double, image> batch(x.data(), 3);
  const auto y = as_matrix(m.map.forward(pass{}, batch));
  CHECK((y - as_matrix(batch) * as_matrix(m.map.weight)).cwiseAbs().maxCoeff() < 1e-12);
}

TEST_CASE("eigen: the keys of a subspace span as many dimensions as it has") {
  using image_shape = shape<3, 4, 4>;
  const index_t m = 5, n = 12, d = image_shape::size;
  const auto drawn = [](index_t count, std::uint64_t seed) {
    std::vector<float> v(static_cast<std::size_t>(count));
    const random_source random(seed, stream::evaluation);
    for (std::size_t i = 0; i < v.size(); ++i) v[i] = static_cast<float>(random.uniform(i) - 0.5);
    return v;
  };
  const std::vector<float> rows = drawn(m * d, 3), alpha = drawn(n * m, 4);
  const subspace space(extents_of<image_shape>, m, rows.data(), d);
  std::vector<float> keys(static_cast<std::size_t>(n * d));
  space.combine(alpha.data(), n, keys.data());
  const auto matrix = as_matrix(batch_view<const float, image_shape>(keys.data(), n));
  CHECK(Eigen::FullPivLU<Eigen::MatrixXd>(matrix.cast<double>()).setThreshold(1e-5).rank() == m);
}
