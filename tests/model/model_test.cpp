#include "spankey/model/model.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "error_probe.hpp"
#include "spankey/backend/reference/reference.hpp"
#include "spankey/inject/runtime.hpp"
#include "spankey/model/initialise.hpp"
#include "spankey/model/mlp.hpp"

using namespace spankey;

namespace {
using network = mlp<5, gate<runtime, at<0, 1, 2>>, backend::reference, double>;
}

TEST_CASE("model: sites are numbered in data order, and set_gate switches them") {
  network model;
  const std::vector<int> on = {0, 2};
  set_gate(model, runtime{injector_kind::additive, 3.0F}, on);
  std::vector<bool> enabled;
  model.for_each_site([&](int site, auto& layer) {
    CHECK(site == static_cast<int>(enabled.size()));
    CHECK(layer.injector.gamma == 3.0F);
    CHECK(layer.injector.kind == injector_kind::additive);
    enabled.push_back(layer.enabled);
  });
  CHECK(enabled == std::vector<bool>{true, false, true});
  set_injector(model, runtime{injector_kind::multiplicative, 0.5F});
  CHECK(model.site(1).injector.gamma == 0.5F);
  CHECK_FALSE(model.site(1).enabled);
}

TEST_CASE("model: parameters, buffers and the logit gradient come from the list of layers") {
  network model;
  std::vector<std::string> names;
  model.for_each_parameter([&](const scope& at, parameter<double>&) { names.push_back(at.str()); });
  CHECK(names == std::vector<std::string>{"fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias", "fc3.weight",
                                          "fc3.bias"});
  int states = 0;
  model.for_each_state([&](const scope&, state<double>&) { ++states; });
  CHECK(states == 0);
  const arena memory(model, 4);
  const auto gradient = model.logit_gradient(4);
  CHECK(gradient.size() == 4 * network::outputs);
  REQUIRE(gradient.data() != nullptr);
  std::fill_n(gradient.data(), gradient.size(), 7.0);
  model.for_each_parameter([&](const scope&, parameter<double>& p) {
    std::fill_n(p.value.data, p.dims.size(), 0.0);
    std::fill_n(p.gradient.data, p.dims.size(), 0.0);
  });
  CHECK(std::count(gradient.data(), gradient.data() + gradient.size(), 7.0) ==
        gradient.size());  // its own memory
}

TEST_CASE("model: a parameter by its name in files") {
  network model;
  CHECK(model.parameter_of("fc2.weight").dims.o == 32);
  CHECK(spankey_test::message_of([&] { (void)model.parameter_of("fc9.weight"); }) ==
        "[spankey.model.103] mlp: found no parameter \"fc9.weight\"");
}

TEST_CASE("model: keys of another number of sites are refused; none at all means that no site has one") {
  network model;
  const arena memory(model, 1);
  initialise(model, 1);
  const std::vector<double> x(20, 0.5);
  const std::vector<site_keys<double>> two(2), three(3);
  const auto passes = [&](std::span<const site_keys<double>> keys) {
    return spankey_test::message_of([&] { model.forward({}, {x.data(), 1}, keys); });
  };
  CHECK(passes({}) == "no error");
  CHECK(passes(three) == "no error");
  CHECK(passes(two) == "[spankey.model.102] mlp: found keys of 2 sites, expected those of 3");
}
