#include "spankey/layer/layer.hpp"

#include <doctest/doctest.h>

#include "spankey/backend/reference/reference.hpp"
#include "spankey/layer/batch_norm2d.hpp"
#include "spankey/layer/conv2d.hpp"
#include "spankey/layer/linear.hpp"
#include "spankey/layer/pool2d.hpp"
#include "spankey/layer/relu.hpp"

using namespace spankey;

namespace {

using image = shape<3, 4, 4>;
using reference = backend::reference;

struct not_a_layer {
  using input = image;
  using output = image;
};

// A layer of a user's own: what the concept asks for and no more.
struct doubling {
  using input = image;
  using output = image;
  buffer<double> y;
  template <class Visitor>
  void for_each_buffer(Visitor& visit, const scope& at, index_t samples) {
    visit(scope{&at, "y"}, y, samples * image::size, lifetime::kept);
  }
  batch_view<const double, image> forward(const pass&, batch_view<const double, image> x) {
    for (index_t i = 0; i < x.size(); ++i) y.data[i] = 2 * x.data()[i];
    return {y.data, x.samples()};
  }
};

static_assert(Layer<conv2d<image, 5, window<3>, reference, double>, double>);
static_assert(Layer<batch_norm2d<image, activation::relu, reference, double>, double>);
static_assert(Layer<relu<image, reference, double>, double>);
static_assert(Layer<max_pool2d<image, reference, double>, double>);
static_assert(Layer<mean_pool2d<image, reference, double>, double>);
static_assert(Layer<linear<image, 7, reference, double>, double>);
static_assert(Layer<doubling, double>);
static_assert(!Layer<not_a_layer, double>);
static_assert(!Layer<relu<image, reference, float>, double>);

}  // namespace

TEST_CASE("a layer of one's own is planned and run like the library's") {
  doubling layer;
  const arena memory(layer, 2);
  CHECK(memory.bytes() >= 2 * image::size * sizeof(double));
  const std::vector<double> x(2 * image::size, 1.5);
  CHECK(layer.forward(pass{}, {x.data(), 2})(1, 2, 3, 3) == 3.0);
}
