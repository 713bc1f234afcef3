#include "spankey/loss/deny/runtime.hpp"

#include "deny_probe.hpp"
#include "spankey/loss/deny/entropy.hpp"
#include "spankey/loss/deny/margin.hpp"
#include "spankey/loss/deny/reject_class.hpp"
#include "spankey/loss/deny/sealed.hpp"

using namespace spankey;
using test::denied_batch;

TEST_CASE("runtime_deny: value and gradients of the chosen loss") {
  using choice = runtime_deny<entropy, margin>;
  const auto batch = denied_batch<double, 5>::random(5, 4);
  auto chosen = batch, alone = batch;
  CHECK(chosen(choice{margin{.margin1 = 3}}) == alone(margin{.margin1 = 3}));
  CHECK(chosen.valid_gradient == alone.valid_gradient);
  CHECK(chosen.denied_gradient == alone.denied_gradient);
  CHECK(denied_batch(batch)(choice{}) == denied_batch(batch)(entropy{}));
}

TEST_CASE("runtime_deny: the head of its losses") {
  CHECK(runtime_deny<entropy, margin>::outputs(7).same_as(7));
  CHECK(runtime_deny<reject_class, sealed>::outputs(7).same_as(8));
  CHECK(DenyLoss<runtime_deny<reject_class, sealed>>);
}
