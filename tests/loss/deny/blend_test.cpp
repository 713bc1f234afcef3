#include "spankey/loss/deny/blend.hpp"

#include "deny_probe.hpp"
#include "spankey/loss/deny/entropy.hpp"
#include "spankey/loss/deny/margin_top.hpp"
#include "spankey/loss/deny/reject_class.hpp"
#include "spankey/loss/deny/reject_head.hpp"

using namespace spankey;
using test::denied_batch;

TEST_CASE("blend: the weighted sum of its parts, by default their mean") {
  const auto batch = denied_batch<double, 6>::random(5, 4);
  const auto of = [&](const auto& loss) { return denied_batch(batch)(loss); };
  using three = blend<entropy_floor, margin, reject_class>;
  const three even{.parts = {entropy_floor{.gap = 0.1}, margin{.margin1 = 2}, reject_class{}}};
  const double floor = of(entropy_floor{.gap = 0.1}), apart = of(margin{.margin1 = 2}),
               rejected = of(reject_class{});
  CHECK(floor > 0);
  CHECK(apart > 0);
  CHECK(of(even) == doctest::Approx((floor + apart + rejected) / 3));
  const three uneven{.parts = even.parts, .weights = {2, 0.5, -1}};
  CHECK(of(uneven) == doctest::Approx(2 * floor + 0.5 * apart - rejected));
}

TEST_CASE("blend: mode AC is half of A_soft and half of C, with their defaults") {
  auto batch = denied_batch<double, 5>::random(5, 6);
  const double expected = batch.mean([](const double* valid, const double* z, int y) {
    const double e = std::log(5.0) - test::entropy_of(z, 5) - 0.3;
    return 0.5 * (e > 0 ? e * e : 0) + 0.5 * std::max(0.0, 1 - (valid[y] - z[y]));
  });
  CHECK(batch(entropy_and_margin{}) == doctest::Approx(expected).epsilon(1e-12));
  CHECK(entropy_and_margin::outputs(10) == 10);
}

TEST_CASE("blend: gradients, each part with its weight") {
  test::check_deny_loss<5>(entropy_and_margin{}, 5, 6, test::reads_valid::yes);
  test::check_deny_loss<6>(blend<reject_class, margin_top>{.weights = {0.3, 1.7}}, 5, 3,
                           test::reads_valid::yes);
  test::check_deny_loss<6>(blend<entropy, reject_head>{}, 5, 3, test::reads_valid::yes, 2);
  test::check_extremes<5>(entropy_and_margin{}, 5, 1);
}

TEST_CASE("blend: the widest head of the parts, and a blend is a part like any other") {
  CHECK(blend<entropy, margin>::outputs(7).same_as(7));
  CHECK(blend<reject_class, margin>::outputs(7).same_as(8));
  CHECK(blend<margin, reject_class>::outputs(7).same_as(8));
  CHECK(blend<margin, reject_head>::outputs(7).same_as({7, aux_logit::reject}));
  using nested = blend<entropy_and_margin, reject_class>;
  CHECK(DenyLoss<nested>);
  CHECK(nested::outputs(7).same_as(8));
  const auto batch = denied_batch<double, 6>::random(5, 4);
  CHECK(
      denied_batch(batch)(nested{}) ==
      doctest::Approx((denied_batch(batch)(entropy_and_margin{}) + denied_batch(batch)(reject_class{})) / 2));
}
