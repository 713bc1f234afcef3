// Statistics of the attacker's own samples. 20 s to compile.
#include "spankey/attack/recalibrate.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <string>

#include "small_attacked.hpp"

using namespace spankey;
using namespace spankey::test;

TEST_CASE("running statistics become those of the samples, and a folded norm has no shift any more") {
  const feature_dataset data = small_data(50);
  small_model model(small_list());
  const arena memory(model, 50);
  initialise(model, 1);
  const auto list = model.layers();
  for (std::size_t i = 0; i < list.size(); ++i)
    if (list[i].kind == layer_kind::batch_norm2d) CHECK_FALSE(is_folded(model, i));
  recalibrate(model, data, {.samples = 50});
  // One batch: in evaluation every channel has mean 0 and variance 1, but for the bias of running variances.
  std::vector<double> first(50 * 25 * 8);
  for (index_t i = 0; i < 50; ++i) std::copy_n(data.features(i), 200, first.begin() + i * 200);
  struct : activation_watch<double> {
    double sum = 0, square = 0;
    index_t count = 0;
    void on_activation(std::string_view name, const double* y, index_t n) override {
      if (name != "block.side.1") return;
      for (index_t i = 0; i < n; ++i) sum += y[i], square += y[i] * y[i];
      count = n;
    }
  } watch;
  model.forward(pass{}, first.data(), 50, {}, &watch);
  REQUIRE(watch.count == 50 * 9 * 14);
  CHECK(std::abs(watch.sum / static_cast<double>(watch.count)) < 1e-3);
  CHECK(watch.square / static_cast<double>(watch.count) == doctest::Approx(1).epsilon(1e-2));

  for (const char* name : {"bn1.bias", "block.bn2.bias"}) model.parameter_of(name).value.data[3] = 0.5;
  fold_norms(model, entangled_entries(model.layers(), {"conv1"}));
  const auto bn1 = static_cast<std::size_t>(
      std::find_if(list.begin(), list.end(), [](const auto& d) { return d.name.view() == "bn1"; }) -
      list.begin());
  CHECK(is_folded(model, bn1));
  recalibrate(model, data, {.samples = 50});
  CHECK(model.parameter_of("bn1.bias").value.data[3] == 0);
  CHECK(model.parameter_of("block.bn2.bias").value.data[3] == 0.5);
}
