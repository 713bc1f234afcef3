// Every mode has a name, and is the loss of that name with the parameters that were given.
#include "spankey/loss/deny/mode.hpp"

#include <doctest/doctest.h>

#include <string>
#include <type_traits>

#include "deny_probe.hpp"
#include "error_probe.hpp"

namespace {

using namespace spankey;
using test::denied_batch;

constexpr deny_settings odd{.gap = 0.7, .margin1 = 3, .margin2 = 2, .seal_weight = 5};

// The loss of a batch with the named mode, and of the loss itself, have the same bits and the same head.
template <class Loss>
void is(const char* name, const Loss& expected) {
  CAPTURE(name);
  deny_settings s = odd;
  s.mode = deny_mode_of(name);
  const auto batch = denied_batch<double, 6>::random(5, 3);
  auto alone = batch;
  const double value = alone(expected);
  int calls = 0;
  with_deny(s, [&](const auto& loss) {
    ++calls;
    using Found = std::remove_cvref_t<decltype(loss)>;
    CHECK(Found::denies == Loss::denies);
    CHECK(head_outputs(Found::outputs(7)).same_as(Loss::outputs(7)));
    auto named = batch;
    CHECK(named(loss) == value);
    CHECK(named.valid_gradient == alone.valid_gradient);
    CHECK(named.denied_gradient == alone.denied_gradient);
  });
  CHECK(calls == 1);
  const deny_of_any_mode any = deny_of(s);
  CHECK(any.denies == Loss::denies);
  CHECK(any.outputs(7).same_as(Loss::outputs(7)));
  auto named = batch;
  CHECK(named(any) == value);
  CHECK(named.valid_gradient == alone.valid_gradient);
  CHECK(named.denied_gradient == alone.denied_gradient);
}

}  // namespace

TEST_CASE("deny modes: each name is its loss") {
  is("none", no_deny{});
  is("A", entropy{});
  is("A_soft", entropy_floor{.gap = 0.7});
  is("B", reject_class{});
  is("B_aux", reject_head{});
  is("C", margin{.margin1 = 3});
  is("C_plus", margin_top{.margin1 = 3, .margin2 = 2});
  is("AC", entropy_and_margin{.parts = {entropy_floor{.gap = 0.7}, margin{.margin1 = 3}}});
  is("sealed", sealed{.weight = 5});
}
TEST_CASE("deny modes: names in the order of the enumerators, and no other") {
  for (std::size_t i = 0; i < deny_mode_names.size(); ++i)
    CHECK(deny_mode_names[i].value == static_cast<deny_mode>(i));
  CHECK(spankey_test::id_of([] { deny_mode_of("D"); }) == "loss.101");
}
TEST_CASE("deny modes: defaults are those of the losses") {
  constexpr deny_settings s;
  CHECK(s.gap == entropy_floor{}.gap);
  CHECK(s.margin1 == margin{}.margin1);
  CHECK(s.margin2 == margin_top{}.margin2);
  CHECK(s.seal_weight == sealed{}.weight);
}
