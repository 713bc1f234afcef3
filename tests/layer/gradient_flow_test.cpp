#include "spankey/layer/gradient_flow.hpp"

#include <doctest/doctest.h>

#include <set>

using namespace spankey;

namespace {
using image = shape<6>;

// Small slots, and wider ones over 40 elements a sample that die before the flow is widened.
struct owner {
  gradient_flow<double> flow{6};
  gradient_slots<double> wider{.size = 10, .life = lifetime::gradient};
  buffer<double> shallow_y, deep_y;
  template <class Visitor>
  void for_each_buffer(Visitor& visit, const scope& at, index_t samples) {
    flow.for_each_buffer(visit, at, samples);
    visit(scope{&at, "shallow"}, shallow_y, 8 * samples, lifetime::step);
    wider.for_each_buffer(visit, at, samples);
    visit(scope{&at, "deep"}, deep_y, 40 * samples, lifetime::step);
  }
};

std::set<const double*> places(const owner& o) {
  return {o.flow.current<image>(2).data(), o.flow.spare<image>(2, 0).data(),
          o.flow.spare<image>(2, 1).data()};
}
}  // namespace

TEST_CASE("gradient_flow: three places; advance makes spare 0 the current one and loses none") {
  owner o;
  const arena memory(o, 2);
  o.flow.restart();
  const auto before = places(o);
  CHECK(before.size() == 3);
  double* const current = o.flow.current<image>(2).data();
  double* const first = o.flow.spare<image>(2, 0).data();
  o.flow.advance();
  CHECK(o.flow.current<image>(2).data() == first);
  CHECK(o.flow.spare<image>(2, 0).data() == current);
  CHECK(places(o) == before);
  o.flow.restart();
  CHECK(o.flow.current<image>(2).data() == current);
}

TEST_CASE(
    "gradient_flow: widened, all new places lie over the deep activations, the current gradient does not "
    "move") {
  owner o;
  const arena memory(o, 2);
  o.flow.restart();
  double* const current = o.flow.current<image>(2).data();
  o.flow.widen(o.wider);
  CHECK(o.flow.current<image>(2).data() == current);
  CHECK(places(o).size() == 3);
  std::set<const double*> wide = places(o);
  wide.erase(current);
  o.flow.advance();
  CHECK(wide.count(o.flow.current<image>(2).data()) == 1);
  for (const double* place : places(o)) wide.insert(place);
  CHECK(wide.size() == 3);
  CHECK(wide.count(current) == 0);
  for (const double* place : wide) {
    CHECK(place >= o.deep_y.data);
    CHECK(place + 20 <= o.deep_y.data + o.deep_y.count);
  }
  const auto settled = places(o);
  o.flow.advance();
  CHECK(places(o) == settled);
}
