#include "spankey/loss/deny/reject_class.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "spankey/testing/gradient_check.hpp"

using namespace spankey;

namespace {
using logits = shape<3>;  // two semantic classes and the reject class

struct denied_batch {
  std::vector<double> valid = {5, 6, 7, 8, 9, 1}, denied = {1.0, 2.0, 0.5, -1.0, 0.0, 3.0};
  std::vector<double> valid_gradient = std::vector<double>(6, 0.0),
                      denied_gradient = std::vector<double>(6, 0.0);
  std::vector<int> labels = {0, 1};

  double loss(double scale) {
    const deny_terms<double, logits> terms{.valid = {valid.data(), 2},
                                           .denied = {denied.data(), 2},
                                           .labels = labels.data(),
                                           .classes = 2,
                                           .valid_gradient = {valid_gradient.data(), 2},
                                           .denied_gradient = {denied_gradient.data(), 2}};
    return reject_class{}(terms, scale);
  }
};
}  // namespace

TEST_CASE("reject_class: cross-entropy of the denied logits against class C, whatever the labels") {
  denied_batch batch;
  CHECK(batch.loss(1.0) == doctest::Approx(1.0151263439326872).epsilon(1e-14));
  batch.labels = {1, 0};
  CHECK(batch.loss(1.0) == doctest::Approx(1.0151263439326872).epsilon(1e-14));
  CHECK(reject_class::outputs(10) == 11);
  CHECK(DenyLoss<reject_class>);
}

TEST_CASE("reject_class: gradient to the denied logits, with the scale; none to the valid ones") {
  denied_batch batch, numeric;
  batch.loss(0.3);
  const auto result =
      check_gradient(numeric.denied, batch.denied_gradient, [&] { return 0.3 * numeric.loss(1.0); });
  CHECK(result.numeric_norm > 1e-3);
  CHECK(result.error < 1e-8);
  CHECK(batch.valid_gradient == std::vector<double>(6, 0.0));
  const std::vector<double> once = batch.denied_gradient;
  batch.loss(0.3);
  for (std::size_t i = 0; i < 6; ++i) CHECK(batch.denied_gradient[i] == doctest::Approx(2 * once[i]));
}

TEST_CASE("reject_class: large logits stay finite") {
  denied_batch batch;
  batch.denied = {1e4, -1e4, 0, -1e4, -1e4, 1e4};
  CHECK(batch.loss(1.0) == doctest::Approx(5e3));
  CHECK(batch.denied_gradient == std::vector<double>{0.5, 0, -0.5, 0, 0, 0});
}

TEST_CASE("reject_class: logits behind the reject class are not read, and no samples are no loss") {
  std::vector<double> z = {1.0, 2.0, 0.5, 100.0}, gradient(4, 0.0), unused(4, 0.0);
  const int label = 0;
  const auto loss = [&](index_t samples) {
    return reject_class{}(deny_terms<double, shape<4>>{.valid = {z.data(), samples},
                                                       .denied = {z.data(), samples},
                                                       .labels = &label,
                                                       .classes = 2,
                                                       .valid_gradient = {unused.data(), samples},
                                                       .denied_gradient = {gradient.data(), samples}},
                          1.0);
  };
  CHECK(loss(0) == 0);
  CHECK(loss(1) == doctest::Approx(std::log(std::exp(0.5) + std::exp(1.5) + 1)).epsilon(1e-14));
  CHECK(gradient[3] == 0);
}
