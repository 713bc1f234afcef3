#include "spankey/model/fast_cnn.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "../testing/model_probe.hpp"
#include "spankey/inject/multiplicative.hpp"

using namespace spankey;

namespace {
template <class T>
using model = fast_cnn<10, gate<multiplicative, at<0, 1, 2>>, backend::reference, T>;

// A quarter of the width, on the smallest image: what gradients by differences can afford.
constexpr layer_list narrow(head_outputs outputs) {
  constexpr batch_norm_options norm{.epsilon = 1e-12, .momentum = 0.4, .scale = false};
  layer_list net("narrow", {1, 26, 26});
  net.conv2d("whiten", 8, {.kernel = 2, .pad = padding::none, .bias = bias::learned}).gelu("gelu");
  for (int group = 0; group < 3; ++group) {
    net.enter(numbered("group", group + 1).view());
    net.conv2d("conv1", 6).max_pool2d("pool").batch_norm2d("norm1", activation::identity, norm).gelu("gelu1");
    net.leave().site(group);
  }
  return net.max_pool2d("pool", {.kernel = 3, .stride = 3}).head("fc", outputs, {.gain = 0.1});
}
class narrow_model
    : public model_of<narrow, 5, gate<multiplicative, at<0, 1, 2>>, backend::reference, double> {};
}  // namespace

TEST_CASE("fast_cnn: gradients of a narrow one, every parameter and every site's key") {
  test::model_probe<narrow_model> probe(1, 2, 0.9F);
  probe.backward();
  test::check_parameters(
      probe,
      {"whiten.weight", "whiten.bias", "group1.conv1.weight", "group3.norm1.bias", "fc.weight", "fc.bias"}, 6,
      1e-6, 1e-6);
  test::check_keys(probe, 6, 1e-6, 1e-6);
}

TEST_CASE("fast_cnn: names, file shapes, sites and number of parameters") {
  model<float> m;
  std::vector<std::string> parameters = test::file_tensors(m);
  REQUIRE(parameters.size() == 28);  // the last 12 are running statistics
  parameters.resize(16);
  CHECK(parameters == std::vector<std::string>{"whiten.weight (24,3,2,2)", "whiten.bias (24)",
                                               "group1.conv1.weight (64,24,3,3)", "group1.norm1.bias (64)",
                                               "group1.conv2.weight (64,64,3,3)", "group1.norm2.bias (64)",
                                               "group2.conv1.weight (256,64,3,3)", "group2.norm1.bias (256)",
                                               "group2.conv2.weight (256,256,3,3)", "group2.norm2.bias (256)",
                                               "group3.conv1.weight (256,256,3,3)", "group3.norm1.bias (256)",
                                               "group3.conv2.weight (256,256,3,3)", "group3.norm2.bias (256)",
                                               "fc.weight (10,256)", "fc.bias (10)"});
  CHECK(test::parameter_count(m) == 1971650);
  const auto shapes = m.site_shapes();
  REQUIRE(shapes.size() == 3);
  CHECK(shapes[0] == extents{64, 15, 15});
  CHECK(shapes[1] == extents{256, 7, 7});
  CHECK(shapes[2] == extents{256, 3, 3});
}
