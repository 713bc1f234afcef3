#include "spankey/loss/deny/sealed.hpp"

#include "deny_probe.hpp"

using namespace spankey;
using test::denied_batch;

TEST_CASE("sealed: cross-entropy against the reject class, and the semantic logits' distance from uniform") {
  for (const double weight : {1.0, 0.2}) {
    auto batch = denied_batch<double, 6>::random(5, 4);
    const double expected = batch.mean([&](const double*, const double* z, int) {
      return test::surprise_of(z, 6, 5) + weight * (std::log(5.0) - test::entropy_of(z, 5));
    });
    CHECK(batch(sealed{.weight = weight}) == doctest::Approx(expected).epsilon(1e-12));
  }
  CHECK(sealed::outputs(10) == 11);
  CHECK(DenyLoss<sealed>);
}

TEST_CASE("sealed: with weight 0 it is mode B, and a uniform refusal costs nothing more") {
  auto batch = denied_batch<double, 6>::random(5, 4), same = batch;
  CHECK(batch(sealed{.weight = 0}) == same(reject_class{}));
  CHECK(batch.denied_gradient == same.denied_gradient);
  denied_batch<double, 3> refusal(2, {0, 0, 0}, {0.5, 0.5, 20}, {0}), plain = refusal;
  CHECK(refusal(sealed{}) == doctest::Approx(plain(reject_class{})));
}

TEST_CASE("sealed: gradients") {
  test::check_deny_loss<6>(sealed{}, 5, 4, test::reads_valid::no);
  test::check_deny_loss<4>(sealed{.weight = 0.4}, 3, 1, test::reads_valid::no);
}

TEST_CASE("sealed: one class; extreme logits") {
  denied_batch<double, 2> one(1, {0, 0}, {1, 3}, {0});
  CHECK(one(sealed{}) == doctest::Approx(std::log1p(std::exp(-2.0))));
  for (const index_t column : {0, 5}) test::check_extremes<6>(sealed{}, 5, column);
}
