#include "spankey/layer/conv2d.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "../testing/layer_probe.hpp"

using namespace spankey;

namespace {
template <class In, index_t Out, class Window, bias Bias = bias::none>
using convolution = conv2d<In, Out, Window, backend::reference, double, Bias>;

template <class L>
void check(index_t samples) {
  test::layer_probe<L> probe(samples);
  test::check_layer(probe);
}
}  // namespace

TEST_CASE("conv2d: gradients of x, weights and bias; 3x3 and 1x1, stride 1 and 2, odd and even images") {
  SUBCASE("3x3") { check<convolution<shape<3, 5, 4>, 4, window<3>>>(2); }
  SUBCASE("3x3 with bias") { check<convolution<shape<2, 4, 5>, 3, window<3>, bias::learned>>(3); }
  SUBCASE("3x3 stride 2, even image") { check<convolution<shape<3, 6, 4>, 4, window<3, 2>>>(2); }
  SUBCASE("3x3 stride 2, odd image, bias") {
    check<convolution<shape<2, 5, 7>, 3, window<3, 2>, bias::learned>>(2);
  }
  SUBCASE("1x1") { check<convolution<shape<4, 3, 5>, 3, window<1>>>(2); }
  SUBCASE("1x1 with bias") { check<convolution<shape<3, 2, 2>, 5, window<1>, bias::learned>>(1); }
  SUBCASE("1x1 stride 2, even image") { check<convolution<shape<4, 6, 4>, 3, window<1, 2>>>(2); }
  SUBCASE("1x1 stride 2, odd image, bias") {
    check<convolution<shape<3, 5, 3>, 2, window<1, 2>, bias::learned>>(2);
  }
  SUBCASE("an image smaller than the window") { check<convolution<shape<2, 1, 2>, 3, window<3>>>(2); }
}

TEST_CASE("conv2d: output shapes are rounded up, as PyTorch's with padding kernel/2") {
  CHECK(std::is_same_v<convolution<shape<3, 32, 32>, 8, window<3>>::output, shape<8, 32, 32>>);
  CHECK(std::is_same_v<convolution<shape<3, 7, 8>, 8, window<3, 2>>::output, shape<8, 4, 4>>);
  CHECK(std::is_same_v<convolution<shape<3, 7, 8>, 8, window<1, 2>>::output, shape<8, 4, 4>>);
}

TEST_CASE("conv2d: hand-computed output; weights lie (kernel H, kernel W, I, O)") {
  convolution<shape<1, 3, 3>, 2, window<3>, bias::learned> layer;
  arena memory(layer, 1);
  for (index_t i = 0; i < 9; ++i) {
    layer.weight.value.data[i * 2] = static_cast<double>(i + 1);  // channel 0: 1..9 in reading order
    layer.weight.value.data[i * 2 + 1] = i == 5 ? 1.0 : 0.0;      // channel 1: the pixel to the right
  }
  layer.bias_vector.value.data[0] = 100;
  const std::vector<double> x = {1, 2, 3, 4, 5, 6, 7, 8, 9};
  const auto y = layer.forward({}, batch_view<const double, shape<1, 3, 3>>{x.data(), 1});
  CHECK(y(0, 0, 1, 1) == 100 + 285);  // sum of squares 1..9
  CHECK(y(0, 0, 0, 0) == 100 + 5 * 1 + 6 * 2 + 8 * 4 + 9 * 5);
  CHECK(y(0, 0, 2, 1) == 100 + 1 * 4 + 2 * 5 + 3 * 6 + 4 * 7 + 5 * 8 + 6 * 9);
  CHECK(y(0, 1, 0, 0) == 2);
  CHECK(y(0, 1, 1, 2) == 0);
}

TEST_CASE("conv2d: with stride 2 the first window is centred on the first pixel") {
  // A gradient check cannot see where the windows lie; these do.
  std::vector<double> x(20);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<double>(i);  // 4 rows of 5
  const batch_view<const double, shape<1, 4, 5>> image{x.data(), 1};
  const auto check_centres = [&](auto& layer, index_t taps) {
    arena memory(layer, 1);
    layer.weight.value.data[taps / 2] = 1;  // only the centre tap
    const auto y = layer.forward({}, image);
    REQUIRE(y.size() == 6);
    CHECK(std::vector<double>(y.data(), y.data() + 6) == std::vector<double>{0, 2, 4, 10, 12, 14});
  };
  convolution<shape<1, 4, 5>, 1, window<3, 2>> wide;
  check_centres(wide, 9);
  convolution<shape<1, 4, 5>, 1, window<1, 2>> narrow;
  check_centres(narrow, 1);
}

TEST_CASE("conv2d: dx is overwritten, added to on request, or left out") {
  using layer_type = convolution<shape<2, 3, 3>, 3, window<3>>;
  layer_type layer;
  arena memory(layer, 2);
  const auto w = test::numbers(layer.weight.dims.size(), 1), x = test::numbers(2 * 18, 2),
             dy = test::numbers(2 * 27, 3);
  std::copy(w.begin(), w.end(), layer.weight.value.data);
  layer.forward({}, batch_view<const double, shape<2, 3, 3>>{x.data(), 2});

  std::vector<double> dx(x.size(), 7.0), added(x.size(), 7.0);
  layer.backward({}, {dy.data(), 2}, {dx.data(), 2});
  const std::vector<double> dw(layer.weight.gradient.data, layer.weight.gradient.data + w.size());
  layer.backward({}, {dy.data(), 2}, {added.data(), 2}, true);
  for (std::size_t i = 0; i < dx.size(); ++i) CHECK(added[i] == doctest::Approx(dx[i] + 7.0));

  std::fill_n(layer.weight.gradient.data, w.size(), 0.0);
  layer.backward({}, {dy.data(), 2}, {nullptr, 2});
  CHECK(std::equal(dw.begin(), dw.end(), layer.weight.gradient.data));
}

TEST_CASE("conv2d: names and file shapes; no bias, no bias parameter") {
  convolution<shape<3, 8, 8>, 16, window<3>> plain;
  convolution<shape<3, 8, 8>, 16, window<3>, bias::learned> biased;
  std::vector<std::string> names;
  const scope at{nullptr, "conv"};
  plain.for_each_parameter([&](const scope& name, auto&) { names.push_back(name.str()); }, at);
  CHECK(names == std::vector<std::string>{"conv.weight"});
  biased.for_each_parameter([&](const scope& name, auto&) { names.push_back(name.str()); }, at);
  CHECK(names == std::vector<std::string>{"conv.weight", "conv.weight", "conv.bias"});
  CHECK(plain.weight.dims.file_rank == 4);
  CHECK(plain.weight.dims.file_shape() == std::array<index_t, 4>{16, 3, 3, 3});
}
