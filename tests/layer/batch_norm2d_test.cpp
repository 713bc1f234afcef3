#include "spankey/layer/batch_norm2d.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "../testing/layer_probe.hpp"

using namespace spankey;

namespace {
using image = shape<3, 2, 3>;
template <activation Act>
using norm = batch_norm2d<image, Act, backend::reference, double>;

// y = act(batch_norm(x) + s x): the residual comes from its own differentiable layer, whose gradient proves
// what backward leaves in dy.
template <activation Act>
class norm_with_residual {
 public:
  using input = image;
  using output = image;
  norm<Act> main;
  test::elementwise_scale<image> skip;

  template <class F>
  void for_each_parameter(F&& f, const scope& at) {
    main.for_each_parameter(f, scope{&at, "main"});
    skip.for_each_parameter(f, scope{&at, "skip"});
  }
  template <class Visitor>
  void for_each_buffer(Visitor& visit, const scope& at, index_t samples) {
    main.for_each_buffer(visit, scope{&at, "main"}, samples);
    skip.for_each_buffer(visit, scope{&at, "skip"}, samples);
  }
  batch_view<const double, image> forward(const pass& p, batch_view<const double, image> x) {
    return main.forward(p, x, skip.forward(p, x));
  }
  void backward(const pass& p, batch_view<double, image> dy, batch_view<double, image> dx) {
    main.backward(p, dy, dx);
    std::vector<double> of_skip(static_cast<std::size_t>(dx.size()));
    skip.backward(p, dy, {of_skip.data(), dx.samples()});
    for (index_t i = 0; i < dx.size(); ++i) dx.data()[i] += of_skip[static_cast<std::size_t>(i)];
  }
};

template <class L>
void check(index_t samples_of_group) {
  for (const auto statistics : {batch_statistics::per_group, batch_statistics::joint})
    for (const index_t groups : {1, 2, 3}) {
      INFO(groups, " groups", statistics == batch_statistics::joint ? ", joint" : "");
      test::layer_probe<L> probe(groups * samples_of_group,
                                 {.groups = groups, .training = true, .statistics = statistics});
      test::check_layer(probe);
    }
  // With running statistics, in training or as the network is deployed: an affine map.
  for (const bool training : {true, false}) {
    CAPTURE(training);
    test::layer_probe<L> probe(2 * samples_of_group,
                               {.groups = 2, .training = training, .statistics = batch_statistics::running});
    test::check_layer(probe);
  }
}

template <class L>
void fill(L& layer, double weight, double bias_value, double mean, double variance) {
  std::fill_n(layer.weight.value.data, image::channels, weight);
  std::fill_n(layer.bias_vector.value.data, image::channels, bias_value);
  std::fill_n(layer.running_mean.value.data, image::channels, mean);
  std::fill_n(layer.running_variance.value.data, image::channels, variance);
}
}  // namespace

TEST_CASE(
    "batch_norm2d: gradients of x, residual, weight and bias, with statistics per group and joint ones") {
  SUBCASE("identity") { check<norm<activation::identity>>(2); }
  SUBCASE("relu") { check<norm<activation::relu>>(2); }
  SUBCASE("identity with residual") { check<norm_with_residual<activation::identity>>(2); }
  SUBCASE("relu with residual") { check<norm_with_residual<activation::relu>>(2); }
  SUBCASE("one sample a group: statistics over its pixels") { check<norm<activation::relu>>(1); }
}

TEST_CASE("batch_norm2d: dx may be written over dy where there is no residual") {
  test::layer_probe<norm<activation::relu>> probe(4, {.groups = 2, .training = true});
  const pass p{.groups = 2, .training = true};
  probe.forward();
  std::vector<double> dy = probe.r(), dx(dy.size()), in_place = probe.r();
  probe.layer.backward(p, {dy.data(), 4}, {dx.data(), 4});
  probe.layer.backward(p, {in_place.data(), 4}, {in_place.data(), 4});
  CHECK(dx == in_place);
}

TEST_CASE("batch_norm2d: every group of a training pass has mean 0 and variance 1, then weight and bias") {
  norm<activation::identity> layer;
  arena memory(layer, 8);
  fill(layer, 2, 3, 0, 1);
  const auto x = test::numbers(8 * image::size, 4, -5, 9);
  const auto y = layer.forward({.groups = 2, .training = true}, {x.data(), 8});
  for (index_t g = 0; g < 2; ++g)
    for (index_t c = 0; c < image::channels; ++c) {
      double sum = 0, squares = 0;
      for (index_t n = 4 * g; n < 4 * g + 4; ++n)
        for (index_t h = 0; h < 2; ++h)
          for (index_t w = 0; w < 3; ++w) sum += y(n, c, h, w), squares += y(n, c, h, w) * y(n, c, h, w);
      CHECK(sum / 24 == doctest::Approx(3));
      CHECK(squares / 24 - 9 == doctest::Approx(4).epsilon(1e-4));  // epsilon 1e-5 beside a variance of 16
    }
}

TEST_CASE("batch_norm2d: running statistics move by 0.1 for each group, in order, with unbiased variance") {
  using scalar_norm = batch_norm2d<shape<1>, activation::identity, backend::reference, double>;
  scalar_norm layer;
  arena memory(layer, 6);
  layer.weight.value.data[0] = 1;
  layer.running_variance.value.data[0] = 1;
  const std::vector<double> x = {1, 2, 3, 10, 20, 30};  // means 2 and 20, unbiased variances 1 and 100
  layer.forward({.groups = 2, .training = true}, {x.data(), 6});
  CHECK(layer.running_mean.value.data[0] == doctest::Approx(0.9 * 0.2 + 0.1 * 20));
  CHECK(layer.running_variance.value.data[0] == doctest::Approx(0.9 * 1 + 0.1 * 100));
}

TEST_CASE("batch_norm2d: joint statistics are those of one group of all samples") {
  norm<activation::relu> joint, whole;
  arena memory(joint, 6), more(whole, 6);
  fill(joint, 2, 3, 0, 1);
  fill(whole, 2, 3, 0, 1);
  const auto x = test::numbers(6 * image::size, 4, -5, 9);
  const auto y =
      joint.forward({.groups = 3, .training = true, .statistics = batch_statistics::joint}, {x.data(), 6});
  const auto expected = whole.forward({.groups = 1, .training = true}, {x.data(), 6});
  CHECK(std::equal(y.data(), y.data() + y.size(), expected.data()));
  for (index_t c = 0; c < image::channels; ++c) {
    CHECK(joint.running_mean.value.data[c] == whole.running_mean.value.data[c]);
    CHECK(joint.running_variance.value.data[c] == whole.running_variance.value.data[c]);
  }
}

TEST_CASE("batch_norm2d: evaluation reads the running statistics and leaves them alone") {
  norm<activation::relu> layer;
  arena memory(layer, 2);
  fill(layer, 2, 0.5, 1, 4);
  const auto x = test::numbers(2 * image::size, 5, -3, 5), residual = test::numbers(2 * image::size, 6);
  const auto y = layer.forward({}, {x.data(), 2}, {residual.data(), 2});
  bool cut = false;
  for (index_t i = 0; i < y.size(); ++i) {
    const std::size_t at = static_cast<std::size_t>(i);
    const double z = 2 * (x[at] - 1) / std::sqrt(4 + 1e-5) + 0.5 + residual[at];
    CHECK(y.data()[i] == doctest::Approx(std::max(z, 0.0)));
    cut = cut || z < 0;
  }
  CHECK(cut);
  CHECK(layer.running_mean.value.data[0] == 1);
  CHECK(layer.running_variance.value.data[0] == 4);
}

TEST_CASE("batch_norm2d: training on one value a channel is an error that changes nothing") {
  batch_norm2d<shape<2>, activation::identity, backend::reference, double> layer;
  arena memory(layer, 2);
  const std::vector<double> x = {1, 2, 3, 4};
  try {
    layer.forward({.groups = 2, .training = true}, {x.data(), 2});
    FAIL("accepted one value a channel");
  } catch (const error& e) {
    CHECK(e.id() == "layer.101");
    CHECK(std::string(e.what()).find("found 1") != std::string::npos);
  }
  CHECK(layer.running_mean.value.data[0] == 0);
  CHECK_NOTHROW(layer.forward({.groups = 2, .training = false}, {x.data(), 2}));
}

TEST_CASE("batch_norm2d: names are PyTorch's") {
  norm<activation::relu> layer;
  std::vector<std::string> names;
  const auto collect = [&](const scope& name, auto&) { names.push_back(name.str()); };
  layer.for_each_parameter(collect, scope{nullptr, "bn1"});
  layer.for_each_state(collect, scope{nullptr, "bn1"});
  CHECK(names == std::vector<std::string>{"bn1.weight", "bn1.bias", "bn1.running_mean", "bn1.running_var"});
}
