#include "spankey/layer/gradient_flow.hpp"

#include <doctest/doctest.h>

using namespace spankey;

namespace {
struct owner {
  gradient_flow<double> flow;
  template <class Visitor>
  void for_each_buffer(Visitor& visit, const scope& at, index_t samples) {
    flow.for_each_buffer(visit, at, samples, 6);
  }
};
}  // namespace

TEST_CASE("gradient_flow: three places; advance makes spare 0 the current one and loses none") {
  owner o;
  CHECK(plan_memory(o, 2).entries().size() == 3);
  arena memory(o, 2);
  using image = shape<6>;
  double* const current = o.flow.current<image>(2).data();
  double* const first = o.flow.spare<image>(2, 0).data();
  double* const second = o.flow.spare<image>(2, 1).data();
  CHECK(current != first);
  CHECK(first != second);
  CHECK(current != second);
  o.flow.advance();
  CHECK(o.flow.current<image>(2).data() == first);
  CHECK(o.flow.spare<image>(2, 0).data() == current);
  CHECK(o.flow.spare<image>(2, 1).data() == second);
}
