#include "spankey/layer/layer.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <vector>

#include "error_probe.hpp"
#include "spankey/backend/reference/reference.hpp"
#include "spankey/model/make_layer.hpp"

using namespace spankey;

namespace {

using image = shape<3, 4, 4>;
using reference = backend::reference;

// A layer of a user's own: what the base class asks for and no more.
class doubling : public layer<reference, double> {
 public:
  explicit doubling(const extents& of) : layer(of, of) {}
  [[nodiscard]] layer_traits traits() const override { return {.reads_x = false}; }
  void visit(layer_visitor<double>& v, const scope& at, index_t samples) override {
    v.on_activations(scope{&at, "y"}, y_, samples * out().size(), lifetime::output);
  }
  const double* forward(const pass&, index_t n, const double* x, const double*) override {
    for (index_t i = 0; i < n * in().size(); ++i) y_.data[i] = 2 * x[i];
    return y_.data;
  }
  void backward(const pass&, index_t n, const layer_gradients<double>& g) override {
    for (index_t i = 0; i < n * in().size(); ++i) g.dx[i] = 2 * g.dy[i];
  }

 private:
  buffer<double> y_;
};

}  // namespace

TEST_CASE("a layer of one's own is planned and run like the library's, with a static shape too") {
  shaped<doubling, image, image> of_a_shape(extents_of<image>);
  const arena memory(of_a_shape, 2);
  CHECK(memory.bytes() >= 2 * image::size * sizeof(double));
  const std::vector<double> x(2 * image::size, 1.5);
  CHECK(of_a_shape.forward(pass{}, batch_view<const double, image>{x.data(), 2})(1, 2, 3, 3) == 3.0);
  std::vector<double> dy(2 * image::size, 1.0);
  of_a_shape.backward(pass{}, batch_view<double, image>{dy.data(), 2});
  CHECK(dy.back() == 2.0);
}

TEST_CASE("make_layer: every kind has its class; what is no layer has none") {
  const extents sample{4, 6, 6};
  for (const layer_kind kind :
       {layer_kind::conv2d, layer_kind::batch_norm2d, layer_kind::activation, layer_kind::max_pool2d,
        layer_kind::linear, layer_kind::join, layer_kind::layer_norm, layer_kind::dropout, layer_kind::tokens,
        layer_kind::project, layer_kind::rotary, layer_kind::gated}) {
    layer_description d{.kind = kind, .in = sample, .out = sample};
    if (kind == layer_kind::gated) d.out = {2, 6, 6};
    if (kind == layer_kind::tokens) d.out = {4, 36, 1};
    if (kind == layer_kind::max_pool2d) d.out = {4, 3, 3};
    if (kind == layer_kind::linear) d.out = {5, 1, 1};
    const auto made = make_layer<reference, double>(d, 0, lifetime::output);
    CAPTURE(static_cast<int>(kind));
    REQUIRE(made != nullptr);
    CHECK(made->in() == sample);
    CHECK(made->out() == d.out);
  }
  const auto mean =
      make_layer<reference, double>({.kind = layer_kind::mean_pool2d, .in = sample}, 0, lifetime::output);
  CHECK(mean->out() == extents{4, 1, 1});
  for (const layer_kind kind : {layer_kind::site, layer_kind::head, layer_kind::residual, layer_kind::skip})
    CHECK(make_layer<reference, double>({.kind = kind}, 0, lifetime::output) == nullptr);
}

TEST_CASE("layer: backward after a forward of other samples is an error") {
  linear<shape<3>, 2, reference, double> map;
  const arena memory(map, 2);
  const std::vector<double> x(6, 1.0), dy(4, 1.0);
  map.forward({}, batch_view<const double, shape<3>>{x.data(), 1});
  CHECK(spankey_test::id_of([&] { map.backward({}, {dy.data(), 2}, {nullptr, 2}); }) == "layer.104");
}
