// message: SpanKey: P is not an Injector: needs forward.x, k. and backward.x, k, dy.
#include "spankey/inject/injector.hpp"

struct scaling {
  double forward(double x, double k) const { return x * k; }
#ifndef SPANKEY_BREAK
  spankey::injector_gradient<double> backward(double x, double k, double dy) const {
    return {dy * k, dy * x};
  }
#endif
};

using sites = spankey::gate<scaling, spankey::at<0, 2>>::sites;
static_assert(sites::contains(2));
