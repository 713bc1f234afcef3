#include "spankey/loss/deny/entropy_floor.hpp"

#include "deny_probe.hpp"

using namespace spankey;
using test::denied_batch;

TEST_CASE("entropy_floor: squared distance below the floor, mean over the samples") {
  for (const double gap : {0.3, 0.0, 0.1}) {
    auto batch = denied_batch<double, 6>::random(5, 9);
    const double expected = batch.mean([&](const double*, const double* z, int) {
      const double e = std::log(5.0) - test::entropy_of(z, 5) - gap;
      return e > 0 ? e * e : 0.0;
    });
    CHECK(expected > 1e-3);
    CHECK(batch(entropy_floor{.gap = gap}) == doctest::Approx(expected).epsilon(1e-12));
  }
  CHECK(entropy_floor::outputs(10) == 10);
  CHECK(DenyLoss<entropy_floor>);
}

TEST_CASE("entropy_floor: above the floor there is neither loss nor gradient") {
  denied_batch<double, 4> batch(4, {1, 2, 3, 4}, {5, 5.1, 5, 4.9}, {0});
  CHECK(batch(entropy_floor{}) == 0);
  CHECK(batch.denied_gradient == std::vector<double>(4, 0.0));
}

TEST_CASE("entropy_floor: gradients") {
  test::check_deny_loss<5>(entropy_floor{.gap = 0.05}, 5, 6, test::reads_valid::no);
  test::check_deny_loss<6>(entropy_floor{.gap = 0.05}, 5, 1, test::reads_valid::no);
}

TEST_CASE("entropy_floor: one class is always uniform; extreme logits") {
  denied_batch<double, 1> one(1, {2}, {3}, {0});
  CHECK(one(entropy_floor{}) == 0);
  test::check_extremes<5>(entropy_floor{}, 5, 0);
  denied_batch<double, 3> certain(3, {0, 0, 0}, {1e4, -1e4, -1e4}, {0});
  CHECK(certain(entropy_floor{}) == doctest::Approx(std::pow(std::log(3.0) - 0.3, 2)));
}
