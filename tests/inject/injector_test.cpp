#include "spankey/inject/injector.hpp"

#include <doctest/doctest.h>

#include "spankey/inject/none.hpp"

using namespace spankey;

namespace {
struct without_backward {
  double forward(double x, double) const { return x; }
};
struct without_key_gradient {
  struct only_dx {
    double dx;
  };
  double forward(double x, double) const { return x; }
  only_dx backward(double, double, double dy) const { return {dy}; }
};
struct changes_itself {  // a policy is used through const
  double forward(double x, double) { return x; }
  injector_gradient<double> backward(double, double, double dy) { return {dy, 0}; }
};
}  // namespace

TEST_CASE("Injector: what is one and what is not") {
  CHECK(Injector<none>);
  CHECK_FALSE(Injector<without_backward>);
  CHECK_FALSE(Injector<without_key_gradient>);
  CHECK_FALSE(Injector<changes_itself>);
  CHECK_FALSE(Injector<int>);
}

TEST_CASE("at: membership and range of site numbers") {
  CHECK(at<0, 2, 4>::contains(2));
  CHECK_FALSE(at<0, 2, 4>::contains(3));
  CHECK_FALSE(at<>::contains(0));
  CHECK(at<0, 2, 4>::all_below<5>());
  CHECK_FALSE(at<0, 2, 4>::all_below<4>());
  CHECK_FALSE(at<-1>::all_below<4>());
  CHECK(at<>::all_below<0>());
}
