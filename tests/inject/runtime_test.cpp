#include "spankey/inject/runtime.hpp"

#include <doctest/doctest.h>

#include <initializer_list>
#include <type_traits>

using namespace spankey;

namespace {
template <class P>
void check_same(const runtime& chosen, const P& fixed) {
  CHECK(chosen.visit([](const auto& policy) { return std::is_same_v<std::decay_t<decltype(policy)>, P>; }));
  if constexpr (Injector<P>)
    for (const double k : {-2.0, -0.3, 0.0, 0.4, 3.0}) {
      INFO("k ", k);
      chosen.visit([&]<class Policy>(const Policy& policy) {
        if constexpr (Injector<Policy>) {
          CHECK(policy.forward(1.7, k) == fixed.forward(1.7, k));
          const auto got = policy.backward(1.7, k, -0.6), want = fixed.backward(1.7, k, -0.6);
          CHECK(got.dx == want.dx);
          CHECK(got.dk == want.dk);
        }
      });
    }
}
}  // namespace

TEST_CASE("runtime: exactly the policy it names; none by default") {
  CHECK(InjectorChoice<runtime>);
  CHECK_FALSE(InjectorChoice<additive>);
  check_same(runtime{}, none{});
  check_same(runtime{injector_kind::none, 2.0F}, none{});
  check_same(runtime{injector_kind::additive, 2.0F}, additive{2.0F});
  check_same(runtime{injector_kind::multiplicative, 2.0F}, multiplicative{2.0F});
  check_same(runtime{injector_kind::reading, 2.0F}, reading{2.0F});
  const runtime chosen{injector_kind::reading, 2.0F, 12};
  CHECK(chosen.visit([]<class Policy>(const Policy& policy) {
    if constexpr (std::is_same_v<Policy, reading>) return policy.readings;
    return index_t(0);
  }) == 12);
}
