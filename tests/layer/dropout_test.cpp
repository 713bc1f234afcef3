#include "spankey/layer/dropout.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "../testing/layer_probe.hpp"
#include "spankey/layer/shaped.hpp"

using namespace spankey;

namespace {
using sample = shape<10, 5, 4>;
template <int Percent, int Number = 0>
class dropout : public shaped<dropout_layer<backend::reference, double>, sample, sample> {
 public:
  dropout() : shaped(extents_of<sample>, Percent / 100.0, Number) {}
};
constexpr pass training{.groups = 1, .training = true, .seed = 3, .step = 5};

template <class L>
std::vector<double> passed(L& layer, const std::vector<double>& x, const pass& p) {
  const auto y = layer.forward(p, {x.data(), static_cast<index_t>(x.size()) / sample::size});
  return {y.data(), y.data() + y.size()};
}
}  // namespace

TEST_CASE("dropout: gradient of x, of the elements that were kept") {
  test::layer_probe<dropout<40>> probe(2, training);
  test::check_layer(probe);
}

TEST_CASE("dropout: an element is 0 or larger by 1 / (1 - p); the same for a seed, a step and a layer") {
  dropout<25> layer;
  dropout<25, 1> other;
  const arena memory(layer, 10), more(other, 10);
  const std::vector<double> x(10 * sample::size, 3.0);
  const auto y = passed(layer, x, training);
  const auto zeros = std::count(y.begin(), y.end(), 0.0), kept = std::count(y.begin(), y.end(), 4.0);
  CHECK(zeros + kept == 2000);
  CHECK(std::abs(static_cast<double>(zeros) - 500) < 100);  // five standard deviations
  CHECK(passed(layer, x, training) == y);
  pass later = training, reseeded = training;
  later.step = 6, reseeded.seed = 4;
  CHECK(passed(layer, x, later) != y);
  CHECK(passed(layer, x, reseeded) != y);
  CHECK(passed(other, x, training) != y);
}

TEST_CASE("dropout: evaluation hands its input on") {
  dropout<50> layer;
  const arena memory(layer, 1);
  const std::vector<double> x(sample::size, 3.0);
  CHECK(layer.forward({}, {x.data(), 1}).data() == x.data());
}

TEST_CASE("dropout: every group of a stacked pass drops what a shared pass drops") {
  dropout<40> layer;
  arena memory(layer, 4);
  const std::vector<double> x = test::numbers_off_zero(2 * sample::size, 1);
  std::vector<double> stacked = x;
  stacked.insert(stacked.end(), x.begin(), x.end());
  pass p = training;
  p.groups = 2;
  const double* const both = layer.forward(p, 4, stacked.data(), nullptr);
  const std::vector<double> first(both, both + x.size()), second(both + x.size(), both + 2 * x.size());
  CHECK(first == second);
  p.shared = true;
  const double* const once = layer.forward(p, 2, x.data(), nullptr);
  CHECK(std::equal(first.begin(), first.end(), once));
  CHECK(std::count(first.begin(), first.end(), 0.0) > 0);
}
