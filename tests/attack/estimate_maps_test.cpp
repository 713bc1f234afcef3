// A whole network whose weights align with their inputs is opened without labels; whitened it is not. Costs 30 s to compile, 2 s to run.
#include "spankey/attack/estimate_maps.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "small_attacked.hpp"

using namespace spankey;
using namespace spankey::test;

namespace {

constexpr index_t samples = 100;

// Weights that are as aligned as an attacker can wish: their moment has the directions of the input's, and its spectrum.
// With `fold` the norms are as a lock leaves them that folds them.
void align(small_model& model, const feature_dataset& data, std::uint64_t seed, bool fold) {
  const auto list = model.layers();
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (!is_convolution(list[i])) continue;
    const input_moments in = moments_before(model, list[i], map_name(std::string(list[i].name.view())), data,
                                            {.samples = samples, .windows = 1 << 20});
    const spectrum of(in.second);
    model.for_each_parameter_of(i, [&](const scope&, auto& p) {
      const Eigen::Index c = in.channels();
      for (Eigen::Index tap = 0; tap < in.taps(); ++tap) {
        const Eigen::MatrixXd rows = drawn_rotation(p.dims.o, seed++).topRows(c);
        const Eigen::MatrixXd w = of.vectors * of.values.cwiseSqrt().asDiagonal() * rows;
        for (Eigen::Index row = 0; row < c; ++row)
          for (Eigen::Index o = 0; o < p.dims.o; ++o)
            p.value.data[(tap * c + row) * p.dims.o + o] = w(row, o);
      }
    });
    if (!fold) {
      recalibrate(model, data, {.samples = samples});
      continue;
    }
    const Eigen::VectorXd mean = weights_of(model, i).transpose() * in.window_mean;
    model.for_each_parameter_of(i + 1, [&](const scope& name, auto& p) {
      for (index_t o = 0; name.name == "bias" && o < p.dims.o; ++o) p.value.data[o] = -mean[o];
    });
    model.for_each_state_of(i + 1, [&](const scope& name, auto& s) {
      if (name.name == "running_var") std::fill_n(s.value.data, s.count, 1 - list[i + 1].norm.epsilon);
    });
  }
}

// Of the open network, and of it as it is locked.
struct pair_of_networks {
  feature_dataset data = small_data(samples);
  small_model open{small_list()}, locked{small_list()};
  arena open_memory{open, 50}, locked_memory{locked, 50};
  stitched attacked;

  pair_of_networks(bool whiten, bool fold) {
    align(attacked.model, data, 10, fold);
    initialise(open, 1), initialise(locked, 1);
    copy_all(attacked.model, open);
    copy_all(attacked.model, locked);
    const std::vector<std::string> layers = {"conv1", "block.conv2", "block.side.0"};
    (void)lock_entangled(locked, draw_master_key(),
                         {.layers = layers, .whiten = whiten, .fold_norms = false});
    copy_all(locked, attacked.model);
  }
  double largest_error(const estimate_options& o) {
    begin_as_identity(attacked.model);
    const std::vector<starting_map> maps = estimate_maps(attacked.model, data, o);
    REQUIRE(maps.size() == 3);
    const std::vector<double> errors = map_errors(maps, locked, open);
    return *std::max_element(errors.begin(), errors.end());
  }
  // How far the answers of a network are from the open network's, as a share of these.
  double distance(small_model& other) {
    std::vector<double> x(8 * 25), expected(3);
    std::copy_n(data.features(7), x.size(), x.begin());
    std::copy_n(open.forward(pass{}, x.data(), 1, {}), 3, expected.begin());
    const double* const z = other.forward(pass{}, x.data(), 1, {});
    double square = 0, whole = 0;
    for (std::size_t i = 0; i < 3; ++i)
      square += (z[i] - expected[i]) * (z[i] - expected[i]), whole += expected[i] * expected[i];
    return std::sqrt(square / whole);
  }
};

}  // namespace

TEST_CASE("estimates of maps open a network whose weights align, with norms kept and with norms folded") {
  for (const bool fold : {false, true}) {
    CAPTURE(fold);
    pair_of_networks networks(false, fold);
    CHECK(networks.distance(networks.locked) > 0.2);
    const sample_counts counts{.samples = samples, .windows = 1 << 20};
    CHECK(networks.largest_error({.counts = counts}) < 1e-3);
    CHECK(networks.distance(networks.attacked.model) < 1e-3);
    // A norm that was folded is taken to be of variance 1, which these are not.
    if (!fold) CHECK(networks.largest_error({.kind = estimate_kind::moments, .counts = counts}) < 0.05);
  }
}

TEST_CASE("estimates of maps lose against whitened weights") {
  pair_of_networks networks(true, true);
  CHECK(networks.largest_error({.counts = {.samples = samples}, .whitened = true}) > 0.3);
  CHECK(networks.distance(networks.attacked.model) > 0.2);
}

TEST_CASE("the map of a lock follows from the weights before and behind it") {
  const Eigen::MatrixXd t = drawn(5, 5, 1), open = drawn(10, 8, 2);
  Eigen::MatrixXd locked = open;
  for (Eigen::Index tap = 0; tap < 2; ++tap)
    locked.middleRows(tap * 5, 5) = t.transpose().inverse() * open.middleRows(tap * 5, 5);
  CHECK(map_error(map_between(open, locked, 5), t) < 1e-9);
}
