#include "spankey/attack/starting_map.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "error_probe.hpp"
#include "small_attacked.hpp"

using namespace spankey;
using namespace spankey::test;

TEST_CASE("maps are written into stitches and read from them, and act on activations") {
  stitched net;
  starting_map map{.layer = "conv1", .map = std::vector<float>(64, 0.0F)};
  map.map[1] = 2;  // row 0 reads channel 1
  write_map(net.model, map);
  struct : activation_watch<double> {
    std::vector<double> y;
    void on_activation(std::string_view name, const double* found, index_t n) override {
      if (name == "conv1_map") y.assign(found, found + n);
    }
  } watch;
  std::vector<double> x(200, 0.0);
  x[1] = 3;
  net.model.forward(pass{}, x.data(), 1, {}, &watch);
  REQUIRE(watch.y.size() == 200);
  CHECK(watch.y[0] == 6);
  CHECK(watch.y[1] == 0);
  const std::vector<starting_map> maps = maps_of(net.model);
  REQUIRE(maps.size() == 3);
  CHECK(maps[0].layer == "conv1");
  CHECK(maps[0].map == map.map);
  CHECK(spankey_test::id_of([&] { write_map(net.model, {.layer = "conv1", .map = {1}}); }) == "attack.101");
  CHECK(spankey_test::id_of([&] { write_map(net.model, {.layer = "fc", .map = {1}}); }) == "model.103");
}

TEST_CASE("stitches become the nearest rotations") {
  stitched net;
  const Eigen::MatrixXd r = drawn_rotation(8, 1), near = r + 0.05 * drawn(8, 8, 2);
  const Eigen::JacobiSVD<Eigen::MatrixXd> svd(near, Eigen::ComputeFullU | Eigen::ComputeFullV);
  const Eigen::MatrixXd nearest = svd.matrixU() * svd.matrixV().transpose();
  starting_map map{.layer = "conv1"};
  for (Eigen::Index i = 0; i < 64; ++i) map.map.push_back(static_cast<float>(near(i / 8, i % 8)));
  write_map(net.model, map);
  make_maps_orthogonal(net.model, 6);
  const std::vector<float> found = maps_of(net.model).front().map;
  for (Eigen::Index i = 0; i < 64; ++i)
    CHECK(found[static_cast<std::size_t>(i)] == doctest::Approx(nearest(i / 8, i % 8)).epsilon(1e-4));
}
