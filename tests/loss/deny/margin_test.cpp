#include "spankey/loss/deny/margin.hpp"

#include "deny_probe.hpp"

using namespace spankey;
using test::denied_batch;

TEST_CASE("margin: what is missing between the valid and the denied logit of the label") {
  for (const double margin1 : {1.0, 2.5}) {
    auto batch = denied_batch<double, 6>::random(5, 9);
    const double expected = batch.mean([&](const double* valid, const double* z, int y) {
      return std::max(0.0, margin1 - (valid[y] - z[y]));
    });
    CHECK(expected > 1e-3);
    CHECK(batch(margin{.margin1 = margin1}) == doctest::Approx(expected).epsilon(1e-13));
  }
  CHECK(margin::outputs(10) == 10);
  CHECK(DenyLoss<margin>);
}

TEST_CASE("margin: gradients, to both groups") {
  test::check_deny_loss<5>(margin{}, 5, 7, test::reads_valid::yes);
  test::check_deny_loss<6>(margin{.margin1 = 5}, 5, 1, test::reads_valid::yes);
}

TEST_CASE("margin: where it is kept there is no gradient, also where it is kept exactly") {
  denied_batch<double, 2> batch(2, {3, 0, 1, 2, 1, 0}, {1, 9, 0, 1, 1, 0}, {0, 1, 0});
  CHECK(batch(margin{}) == doctest::Approx(1.0 / 3));  // 2 and 1 are enough, 0 lacks 1
  CHECK(batch.valid_gradient == std::vector<double>{0, 0, 0, 0, -1.0 / 3, 0});
  CHECK(batch.denied_gradient == std::vector<double>{0, 0, 0, 0, 1.0 / 3, 0});
}

TEST_CASE("margin: one class; extreme logits") {
  denied_batch<double, 1> one(1, {0.5}, {0.25}, {0});
  CHECK(one(margin{}) == 0.75);
  test::check_extremes<5>(margin{}, 5, 1);  // the label of sample 1
  denied_batch<double, 2> valid_nan(2, {std::nan(""), 0}, {0, 0}, {0});
  CHECK(std::isnan(valid_nan(margin{})));
}
