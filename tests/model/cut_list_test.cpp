// Costs 15 s to compile.
#include "spankey/model/cut_list.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "spankey/backend/reference/reference.hpp"
#include "spankey/core/arena.hpp"
#include "spankey/inject/none.hpp"
#include "spankey/model/initialise.hpp"
#include "spankey/model/sized_model.hpp"
#include "spankey/model/small_resnet.hpp"

using namespace spankey;

namespace {

using model_type = sized_model<none, backend::reference, double>;

std::size_t place_of(const layer_list& list, std::string_view name) {
  for (std::size_t i = 0; i < list.size(); ++i)
    if (list[i].has_weights() && list[i].name.view() == name) return i;
  return list.size();
}
std::vector<std::string> weights_in(const layer_list& list) {
  std::vector<std::string> found;
  for (const layer_description& d : list)
    if (d.has_weights()) found.emplace_back(d.name.view());
  return found;
}

struct last_seen : activation_watch<double> {
  std::string wanted;
  std::vector<double> y;
  void on_activation(std::string_view name, const double* found, index_t n) override {
    if (name == wanted) y.assign(found, found + n);
  }
};

}  // namespace

TEST_CASE("a part of a network has the path to the cut, and blocks before it whole") {
  const layer_list all = small_resnet_on({1, 8, 8}, 10);
  using names = std::vector<std::string>;
  CHECK(weights_in(cut_behind(all, place_of(all, "bn1"), "own")) == names{"conv1", "bn1", "own"});
  const names in_f = weights_in(cut_behind(all, place_of(all, "layer2.0.bn1"), "own"));
  CHECK(in_f.back() == "own");
  CHECK(in_f[in_f.size() - 2] == "layer2.0.bn1");
  CHECK(std::count(in_f.begin(), in_f.end(), "layer1.1.bn2") == 1);
  // On the skip path of layer2.0 nothing of its F is left.
  const names beside = weights_in(cut_behind(all, place_of(all, "layer2.0.downsample.1"), "own"));
  CHECK(std::count(beside.begin(), beside.end(), "layer2.0.downsample.0") == 1);
  CHECK(std::count(beside.begin(), beside.end(), "layer2.0.conv1") == 0);
  CHECK(cut_behind(all, 0, "conv1").found() == list_fault::none);
  CHECK(cut_behind(all, place_of(all, "bn1"), "conv1").found() == list_fault::name);
}

TEST_CASE("a part computes what the network does up to there, and is trained") {
  const layer_list all = small_resnet_on({1, 8, 8}, 10);
  model_type whole(all);
  const arena whole_memory(whole, 2);
  initialise(whole, 1);
  std::vector<double> x(2 * 64);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = std::sin(static_cast<double>(i));
  for (const char* name : {"layer1.0.bn1", "layer2.0.bn1", "layer2.0.downsample.1", "layer3.1.bn1"}) {
    CAPTURE(name);
    model_type part(cut_behind(all, place_of(all, name), "own"));
    const arena memory(part, 2);
    initialise(part, 2);
    part.for_each_parameter([&](const scope& at, auto& p) {
      if (!at.str().starts_with("own"))
        std::copy_n(whole.parameter_of(at.str()).value.data, p.dims.size(), p.value.data);
    });
    last_seen in_whole, in_part;
    in_whole.wanted = in_part.wanted = name;
    whole.forward(pass{}, x.data(), 2, {}, &in_whole);
    part.forward(pass{}, x.data(), 2, {}, &in_part);
    REQUIRE(!in_part.y.empty());
    CHECK(in_part.y == in_whole.y);
    part.forward(pass{.training = true}, x.data(), 2, {});
    std::fill_n(part.logit_gradient(2), 20, 0.1);
    part.logit_gradient(2)[3] = -0.9;
    part.backward(pass{.training = true}, 2);
    double sum = 0;
    auto& first = part.parameter_of("conv1.weight");
    for (index_t i = 0; i < first.dims.size(); ++i) sum += std::abs(first.gradient.data[i]);
    CHECK(sum > 0);
  }
  // The end of a block whose other path is left out: its own output, without the sum.
  model_type part(cut_behind(all, place_of(all, "layer1.0.bn2"), "own"));
  const arena memory(part, 2);
  initialise(part, 2);
  part.forward(pass{.training = true}, x.data(), 2, {});
  std::fill_n(part.logit_gradient(2), 20, 0.1);
  part.backward(pass{.training = true}, 2);
}
