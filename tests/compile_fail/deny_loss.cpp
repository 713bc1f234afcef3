// message: SpanKey: Deny is not a DenyLoss: needs denies, outputs.classes. and operator
#include "spankey/train/step.hpp"

struct quadratic {
  static constexpr bool denies = true;
#ifndef SPANKEY_BREAK
  static constexpr spankey::index_t outputs(spankey::index_t classes) { return classes; }
#endif
  template <class T, class Shape>
  double operator()(const spankey::deny_terms<T, Shape>&, double scale) const {
    return scale;
  }
};

spankey::objective<quadratic> goal;
