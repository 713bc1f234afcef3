// message: SpanKey: Deny is not a DenyLoss: needs denies, outputs.classes. and operator
#include "spankey/backend/reference/reference.hpp"
#include "spankey/train/step.hpp"

struct my_loss {
  static constexpr bool denies = true;
#ifndef SPANKEY_BREAK
  static constexpr spankey::index_t outputs(spankey::index_t classes) { return classes; }
#endif
  template <class T, class Shape>
  double operator()(const spankey::deny_terms<T, Shape>&, double) const {
    return 0;
  }
};

spankey::index_t groups(const spankey::objective<my_loss>& goal) { return goal.groups(); }
