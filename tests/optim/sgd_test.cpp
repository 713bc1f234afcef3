#include "spankey/optim/sgd.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <vector>

#include "error_probe.hpp"
#include "optim/pair_model.hpp"

using namespace spankey;
using test::pair_model;

namespace {
const std::vector<double> gradients = {0.5, -0.25, 1.0};

// From w = 1 with learning rate 0.1; `values` and `momenta` after each of the three gradients.
void check_trace(const sgd_options& options, const std::vector<double>& values,
                 const std::vector<double>& momenta) {
  INFO("momentum ", options.momentum, ", weight decay ", options.weight_decay, ", nesterov ",
       options.nesterov);
  pair_model model;
  arena memory(model, 1);
  model.first.value.data[0] = model.second.value.data[0] = 1;
  model.first.momentum.data[0] = 123;  // the first step must not read what lies there
  sgd optimizer(options);
  CHECK(Optimizer<sgd, pair_model>);
  for (std::size_t s = 0; s < gradients.size(); ++s) {
    INFO("step ", s);
    CHECK(optimizer.steps() == s);
    model.first.gradient.data[0] = gradients[s];
    model.second.gradient.data[0] = 10 * gradients[s];
    optimizer.step(model, 0.1);
    CHECK(model.first.value.data[0] == doctest::Approx(values[s]).epsilon(1e-14));
    CHECK(model.first.momentum.data[0] == doctest::Approx(momenta[s]).epsilon(1e-14));
    CHECK(model.first.gradient.data[0] == gradients[s]);
    if (options.weight_decay == 0)
      CHECK(model.second.value.data[0] - 1 == doctest::Approx(10 * (values[s] - 1)));
  }
}
}  // namespace

// The values agree with torch.optim.SGD.
TEST_CASE("sgd: three steps by hand, with and without momentum, nesterov and weight decay") {
  check_trace({0, 0, false}, {0.95, 0.975, 0.875}, {123, 123, 123});
  check_trace({0, 0.01, false}, {0.949, 0.973051, 0.872077949}, {123, 123, 123});
  check_trace({0.9, 0, false}, {0.95, 0.93, 0.812}, {0.5, 0.2, 1.18});
  check_trace({0.9, 0.01, false}, {0.949, 0.927151, 0.806559749}, {0.51, 0.21849, 1.20591251});
  check_trace({0.9, 0, true}, {0.905, 0.912, 0.7058}, {0.5, 0.2, 1.18});
  check_trace({0.9, 0.01, true}, {0.9031, 0.90757411, 0.698189208191}, {0.51, 0.218031, 1.2053036411});
  check_trace({0.5, 0.25, true}, {0.8875, 0.87296875, 0.681560546875}, {0.75, 0.346875, 1.3916796875});
}

TEST_CASE("sgd: the learning rate is the step's") {
  pair_model model;
  arena memory(model, 1);
  sgd optimizer({0.5, 0, false});
  model.first.gradient.data[0] = 1;
  optimizer.step(model, 0.1);
  optimizer.step(model, 0.01);
  CHECK(model.first.value.data[0] == doctest::Approx(-0.1 - 0.01 * 1.5));
}

TEST_CASE("sgd: nesterov without momentum is refused") {
  for (const double momentum : {0.0, -0.5}) {
    try {
      const sgd optimizer({momentum, 0, true});
      FAIL("accepted nesterov with momentum ", momentum);
    } catch (const error& e) {
      CHECK(e.id() == "optim.101");
      CHECK(std::string(e.what()).find(std::to_string(momentum)) != std::string::npos);
    }
  }
  CHECK_NOTHROW(sgd({0, 0, false}));
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const double wrong : {-0.1, 1.1, nan})
    CHECK(spankey_test::id_of([&] { sgd({wrong, 0, false}); }) == "optim.108");
  for (const double wrong : {-0.1, nan, std::numeric_limits<double>::infinity()})
    CHECK(spankey_test::id_of([&] { sgd({0.9, wrong, true}); }) == "optim.104");
}

TEST_CASE("zero_gradients and gradient_norm see every parameter") {
  pair_model model;
  arena memory(model, 1);
  model.first.gradient.data[0] = 3;
  model.second.gradient.data[0] = -4;
  CHECK(gradient_norm(model) == 5);
  model.first.value.data[0] = 7;
  zero_gradients(model);
  CHECK(gradient_norm(model) == 0);
  CHECK(model.first.value.data[0] == 7);
}
