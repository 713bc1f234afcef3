#include "spankey/loss/deny/reject_head.hpp"

#include "deny_probe.hpp"

using namespace spankey;
using test::denied_batch;

namespace {
double bce(double a, double target) {
  const double p = 1 / (1 + std::exp(-a));
  return -target * std::log(p) - (1 - target) * std::log(1 - p);
}
}  // namespace

TEST_CASE("reject_head: the mean of the valid and the denied binary cross-entropy") {
  auto batch = denied_batch<double, 6>::random(5, 4);
  const double expected = batch.mean(
      [](const double* valid, const double* z, int) { return 0.5 * (bce(valid[5], 0) + bce(z[5], 1)); });
  CHECK(batch(reject_head{}) == doctest::Approx(expected).epsilon(1e-13));
  CHECK(reject_head::outputs(10).same_as({10, aux_logit::reject}));
  CHECK(reject_head::outputs(10) == 11);
  CHECK(DenyLoss<reject_head>);
}

TEST_CASE("reject_head: with two denied groups the mean is over three terms") {
  auto invalid = denied_batch<double, 4>::random(3, 5), none = invalid;
  for (double& z : none.denied) z = 0.5 - 0.7 * z;
  invalid.denied_groups = none.denied_groups = 2;
  const auto denied = [](const double*, const double* z, int) { return bce(z[3], 1); };
  const double expected =
      (invalid.mean(denied) + none.mean(denied) +
       invalid.mean([](const double* valid, const double*, int) { return bce(valid[3], 0); })) /
      3;
  CHECK((invalid(reject_head{}) + none(reject_head{})) / 2 == doctest::Approx(expected).epsilon(1e-13));
}

TEST_CASE("reject_head: gradients to the reject logits of both groups, none to the classes") {
  for (const index_t denied_groups : {1, 2}) {
    test::check_deny_loss<6>(reject_head{}, 5, 4, test::reads_valid::yes, denied_groups);
    test::check_deny_loss<3>(reject_head{}, 2, 1, test::reads_valid::yes, denied_groups);
  }
  auto batch = denied_batch<double, 3>::random(2, 1);
  batch(reject_head{});
  for (std::size_t c = 0; c < 2; ++c) {
    CHECK(batch.valid_gradient[c] == 0);
    CHECK(batch.denied_gradient[c] == 0);
  }
}

TEST_CASE("reject_head: certain logits keep their digits; extreme ones stay finite") {
  denied_batch<double, 2> sure(1, {0, -40}, {0, 40}, {0});
  CHECK(sure(reject_head{}) == doctest::Approx(std::exp(-40.0)).epsilon(1e-9));
  CHECK(sure.valid_gradient[1] == doctest::Approx(0.5 * std::exp(-40.0)).epsilon(1e-9));
  CHECK(sure.denied_gradient[1] == doctest::Approx(-0.5 * std::exp(-40.0)).epsilon(1e-9));
  denied_batch<double, 2> wrong(1, {0, 1e4}, {0, -1e4}, {0});
  CHECK(wrong(reject_head{}) == 1e4);
  CHECK(wrong.valid_gradient[1] == 0.5);
  CHECK(wrong.denied_gradient[1] == -0.5);
  test::check_extremes<3>(reject_head{}, 2, 2);
}
