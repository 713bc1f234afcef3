// Costs 15 s to compile.
#include "spankey/model/inserted_layers.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "spankey/backend/reference/reference.hpp"
#include "spankey/core/arena.hpp"
#include "spankey/inject/none.hpp"
#include "spankey/model/fast_cnn.hpp"
#include "spankey/model/initialise.hpp"
#include "spankey/model/resnet18.hpp"
#include "spankey/model/sized_model.hpp"
#include "spankey/model/small_cnn.hpp"
#include "spankey/model/small_resnet.hpp"
#include "spankey/optim/parameter_group.hpp"

using namespace spankey;

namespace {

using model_type = sized_model<none, backend::reference, double>;
constexpr auto with_weights = [](const layer_description& d) {
  return d.kind == layer_kind::conv2d || d.kind == layer_kind::linear || d.kind == layer_kind::head;
};

// Weights of both by their names; what only one of them has stays.
void copy_weights(model_type& from, model_type& to) {
  to.for_each_parameter([&](const scope& at, auto& p) {
    if (!is_inserted(at.str()))
      std::copy_n(from.parameter_of(at.str()).value.data, p.dims.size(), p.value.data);
  });
}

struct bound {
  model_type model;
  arena memory;
  explicit bound(const layer_list& list) : model(list), memory(model, 2) { initialise(model, 1); }
};

std::vector<double> answers(model_type& model) {
  static std::vector<double> x;  // a backward pass reads it
  x.resize(static_cast<std::size_t>(2 * model.input_extents().size()));
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = std::sin(static_cast<double>(i));
  const double* z = model.forward(pass{}, x.data(), 2, {});
  return {z, z + 2 * index_t{model.head()}};
}

}  // namespace

TEST_CASE("inserted layers begin as the identity, and leave names and blocks as they were") {
  for (const layer_list& list : {small_cnn_layers(10), small_resnet_layers(10), fast_cnn_layers(10)})
    for (const auto kind : {inserted_kind::stitch, inserted_kind::affine, inserted_kind::accessory}) {
      CAPTURE(list.name());
      CAPTURE(static_cast<int>(kind));
      const layer_list more = with_inserted(list, kind, with_weights);
      REQUIRE(more.found() == list_fault::none);
      CHECK(more.site_count() == list.site_count());
      const auto plain = std::make_unique<bound>(list), mapped = std::make_unique<bound>(more);
      copy_weights(plain->model, mapped->model);
      begin_as_identity(mapped->model);
      const std::vector<double> want = answers(plain->model), got = answers(mapped->model);
      for (std::size_t i = 0; i < want.size(); ++i) CHECK(got[i] == doctest::Approx(want[i]).epsilon(1e-9));
    }
}

TEST_CASE("only what was inserted is trained, and its gradients are those of differences") {
  const auto mapped =
      std::make_unique<bound>(with_inserted(small_resnet_layers(10), inserted_kind::stitch, with_weights));
  model_type& model = mapped->model;
  begin_as_identity(model);
  freeze(model, [](std::string_view name, const parameter_extents&) { return !is_inserted(name); });
  std::vector<double> r(2 * 10);
  for (std::size_t i = 0; i < r.size(); ++i) r[i] = std::cos(static_cast<double>(3 * i));
  const auto loss = [&] {
    const std::vector<double> z = answers(model);
    double sum = 0;
    for (std::size_t i = 0; i < z.size(); ++i) sum += r[i] * z[i];
    return sum;
  };
  model.for_each_parameter([](const scope&, auto& p) { std::fill_n(p.gradient.data, p.dims.size(), 0.0); });
  (void)loss();
  std::copy(r.begin(), r.end(), model.logit_gradient(2));
  model.backward(pass{}, 2);
  for (const char* name : {"layer1.0.conv1_map.weight", "layer3.1.conv2_map.weight", "fc_map.weight",
                           "layer2.0.downsample.0_map.bias"}) {
    CAPTURE(name);
    auto& p = model.parameter_of(name);
    for (const index_t i : {index_t{0}, p.dims.size() / 2}) {
      const double step = 1e-6, before = p.value.data[i];
      p.value.data[i] = before + step;
      const double above = loss();
      p.value.data[i] = before - step;
      const double below = loss();
      p.value.data[i] = before;
      CHECK(p.gradient.data[i] == doctest::Approx((above - below) / (2 * step)).epsilon(1e-4));
    }
  }
  CHECK(model.parameter_of("layer1.0.conv1.weight").gradient.data[0] == 0);
}

TEST_CASE("too many inserted layers, and one before an entry without weights, are faults of the list") {
  CHECK(with_inserted(small_resnet_layers(10), inserted_kind::stitch, [](const layer_description& d) {
          return d.kind == layer_kind::join;
        }).found() == list_fault::name);
  layer_list taken("taken", {1, 8, 8});
  taken.conv2d("feature_map", 4).head("fc", 10);
  REQUIRE(taken.found() == list_fault::none);
  CHECK(with_inserted(taken, inserted_kind::stitch, with_weights).found() == list_fault::name);
  CHECK(with_inserted(resnet18_layers(10), inserted_kind::accessory, with_weights).found() ==
        list_fault::none);
}
