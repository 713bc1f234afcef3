// message: SpanKey: P is not an Injector: needs forward.x, k. and backward
#include "spankey/inject/injector.hpp"

struct my_policy {
  double forward(double x, double k) const { return x - k; }
#ifndef SPANKEY_BREAK
  spankey::injector_gradient<double> backward(double, double, double dy) const { return {dy, -dy}; }
#endif
};

constexpr bool contains = spankey::gate<my_policy, spankey::at<0>>::sites::contains(0);
