// Moments of what a convolution reads are those of its outputs, strides and padding included. 25 s to compile.
#include "spankey/attack/input_moments.hpp"

#include <doctest/doctest.h>

#include <string>

#include "small_attacked.hpp"
#include "spankey/attack/estimate_maps.hpp"

using namespace spankey;
using namespace spankey::test;

TEST_CASE("windows times weights have the means and variances of the layer's outputs") {
  const feature_dataset data = small_data(60);
  stitched net;
  recalibrate(net.model, data, {.samples = 60, .batch = 30});
  const auto list = net.model.layers();
  int seen = 0;
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (!is_convolution(list[i])) continue;
    CAPTURE(list[i].name.view());
    const input_moments in = moments_before(net.model, list[i], map_name(std::string(list[i].name.view())),
                                            data, {.samples = 60, .windows = 1 << 20, .batch = 30});
    const Eigen::MatrixXd w = weights_of(net.model, i);
    const output_moments out = moments_behind(net.model, i).value();
    CHECK(in.channels() * in.taps() == w.rows());
    // Statistics of a batch, whose mean the running ones are, differ a little from those of all.
    const Eigen::VectorXd mean = w.transpose() * in.window_mean;
    CHECK((mean - out.mean).norm() < 1e-2 * out.variance.cwiseSqrt().norm());
    const Eigen::MatrixXd centred = in.window_second - in.window_mean * in.window_mean.transpose();
    const Eigen::VectorXd variance = (w.transpose() * centred * w).diagonal();
    CHECK((variance - out.variance).norm() < 0.05 * out.variance.norm());
    ++seen;
  }
  CHECK(seen == 3);
}

TEST_CASE("of many windows some are taken, evenly") {
  const feature_dataset data = small_data(60);
  stitched net;
  const auto list = net.model.layers();
  const auto of = [&](index_t windows) {
    return moments_before(net.model, list[1], "conv1_map", data, {.samples = 60, .windows = windows});
  };
  const input_moments all = of(1 << 20), some = of(500);
  CHECK((all.second - some.second).norm() == 0);
  CHECK((all.window_second - some.window_second).norm() > 0);
  CHECK((all.window_second - some.window_second).norm() < 0.3 * all.window_second.norm());
}
