// A model for the optimizers' tests.
#pragma once

#include "spankey/backend/reference/update.hpp"
#include "spankey/layer/layer.hpp"

namespace spankey::test {

/// Two parameters of one element; the tests give the second one ten times the gradient of the first.
struct pair_model {
  using scalar = double;
  using master = double;
  using backend_type = backend::reference;
  parameter<double> first{.dims = {.o = 1}}, second{.dims = {.o = 1}};
  template <class F>
  void for_each_parameter(F&& f, const scope& at = {}) {
    f(scope{&at, "first"}, first);
    f(scope{&at, "second"}, second);
  }
  template <class Visitor>
  void for_each_buffer(Visitor& visit, const scope& at, index_t) {
    for_each_parameter([&](const scope& name, parameter<double>& w) { w.for_each_buffer(visit, name); }, at);
  }
};

}  // namespace spankey::test
