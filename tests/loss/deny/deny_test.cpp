#include "spankey/loss/deny/deny.hpp"

#include <doctest/doctest.h>

#include "spankey/loss/deny/reject_class.hpp"

using namespace spankey;

namespace {
struct without_outputs {
  [[maybe_unused]] static constexpr bool denies = true;
  template <class T, class Shape>
  double operator()(const deny_terms<T, Shape>&, double) const {
    return 0;
  }
};
struct without_scale {
  [[maybe_unused]] static constexpr bool denies = true;
  static constexpr index_t outputs(index_t classes) { return classes; }
  template <class T, class Shape>
  double operator()(const deny_terms<T, Shape>&) const {
    return 0;
  }
};
}  // namespace

TEST_CASE("group_count: valid; valid and invalid; valid, invalid and no key") {
  CHECK(group_count(false, deny_on::wrong) == 1);
  CHECK(group_count(false, deny_on::wrong_and_none) == 1);
  CHECK(group_count(true, deny_on::wrong) == 2);
  CHECK(group_count(true, deny_on::wrong_and_none) == 3);
}

TEST_CASE("DenyLoss: what is one and what is not") {
  CHECK(DenyLoss<no_deny>);
  CHECK(DenyLoss<reject_class>);
  CHECK_FALSE(DenyLoss<without_outputs>);
  CHECK_FALSE(DenyLoss<without_scale>);
  CHECK_FALSE(DenyLoss<int>);
}

TEST_CASE("no_deny: nothing is denied and the head has the semantic classes only") {
  CHECK_FALSE(no_deny::denies);
  CHECK(no_deny::outputs(10) == 10);
  CHECK(no_deny{}(deny_terms<float, shape<4>>{}, 1.0) == 0);
}
