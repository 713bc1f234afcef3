#include "spankey/loss/deny/margin_top.hpp"

#include "deny_probe.hpp"

using namespace spankey;
using test::denied_batch;

TEST_CASE("margin_top: mode C, and what is missing until the denied answer is wrong") {
  for (const double margin2 : {0.5, 3.0}) {
    auto batch = denied_batch<double, 6>::random(5, 9);
    const double expected = batch.mean([&](const double* valid, const double* z, int y) {
      double top = -1e300;
      for (int c = 0; c < 5; ++c)
        if (c != y) top = std::max(top, z[c]);
      return std::max(0.0, 0.7 - valid[y] + z[y]) + std::max(0.0, margin2 + z[y] - top);
    });
    CHECK(batch(margin_top{.margin1 = 0.7, .margin2 = margin2}) == doctest::Approx(expected).epsilon(1e-13));
  }
  CHECK(margin_top::outputs(10) == 10);
  CHECK(DenyLoss<margin_top>);
}

TEST_CASE("margin_top: gradients, to both groups") {
  test::check_deny_loss<5>(margin_top{}, 5, 7, test::reads_valid::yes);
  test::check_deny_loss<6>(margin_top{.margin1 = 5, .margin2 = 5}, 5, 1, test::reads_valid::yes);
}

TEST_CASE("margin_top: of equal logits the first gets the gradient; the label's own is not among them") {
  const margin_top second_only{.margin1 = -1e9, .margin2 = 0.5};
  denied_batch<double, 5> batch(4, {0, 0, 0, 0, 0}, {2, 9, 2, 2, 50}, {1});
  CHECK(batch(second_only) == 7.5);
  CHECK(batch.denied_gradient == std::vector<double>{-1, 1, 0, 0, 0});
  denied_batch<double, 5> from_first(4, {0, 0, 0, 0, 0}, {9, 1, 2, 2, 50}, {0});
  CHECK(from_first(second_only) == 7.5);
  CHECK(from_first.denied_gradient == std::vector<double>{1, 0, -1, 0, 0});
}

TEST_CASE("margin_top: with one class it is mode C") {
  denied_batch<double, 1> one(1, {0.5}, {0.25}, {0});
  CHECK(one(margin_top{}) == 0.75);
  CHECK(one.denied_gradient == std::vector<double>{1});
}

TEST_CASE("margin_top: extreme logits; a NaN in any class is seen") {
  for (const index_t column : {0, 1, 4}) test::check_extremes<6>(margin_top{}, 5, column);
}
