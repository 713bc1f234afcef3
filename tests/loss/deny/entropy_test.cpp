#include "spankey/loss/deny/entropy.hpp"

#include "deny_probe.hpp"

using namespace spankey;
using test::denied_batch;

TEST_CASE("entropy: minus the mean entropy of the denied semantic logits") {
  for (const index_t samples : {1, 7}) {
    auto batch = denied_batch<double, 6>::random(5, samples);
    CHECK(batch(entropy{}) == doctest::Approx(batch.mean([](const double*, const double* z, int) {
                                return -test::entropy_of(z, 5);
                              })).epsilon(1e-13));
  }
  CHECK(entropy::outputs(10) == 10);
  CHECK(DenyLoss<entropy>);
}

TEST_CASE("entropy: smallest for equal logits") {
  denied_batch<double, 4> batch(4, {1, 2, 3, 4}, {5, 5, 5, 5}, {0});
  CHECK(batch(entropy{}) == doctest::Approx(-std::log(4.0)));
  for (const double g : batch.denied_gradient) CHECK(std::abs(g) < 1e-15);
}

TEST_CASE("entropy: gradients") {
  test::check_deny_loss<5>(entropy{}, 5, 4, test::reads_valid::no);
  test::check_deny_loss<7>(entropy{}, 5, 1, test::reads_valid::no);
}

TEST_CASE("entropy: logits behind the classes are neither read nor written") {
  auto batch = denied_batch<double, 6>::random(4, 2);
  batch.denied[4] = batch.denied[5] = std::nan("");
  CHECK(std::isfinite(batch(entropy{})));
  CHECK(batch.denied_gradient[4] == 0);
  CHECK(batch.denied_gradient[5] == 0);
}

TEST_CASE("entropy: one class has none; extreme logits") {
  denied_batch<double, 1> one(1, {2}, {3}, {0});
  CHECK(one(entropy{}) == 0);
  CHECK(one.denied_gradient == std::vector<double>{0});
  test::check_extremes<5>(entropy{}, 5, 3);
}
