#include "spankey/attack/chosen_samples.hpp"

#include <doctest/doctest.h>

#include <set>

#include "error_probe.hpp"
#include "spankey/data/glyphs.hpp"

using namespace spankey;

namespace {
const image_dataset& training() {
  static const image_dataset data = make_glyphs(3000, 1, split::train, {1, 28, 28});
  return data;
}
}  // namespace

TEST_CASE("an attacker's samples are drawn once each, the same for a seed") {
  const chosen_samples some(training(), 100, 1), again(training(), 100, 1), other(training(), 100, 2);
  std::set<const void*> different;
  bool same = true, others = true;
  for (index_t i = 0; i < 100; ++i) {
    different.insert(some.image(i));
    same = same && some.image(i) == again.image(i);
    others = others && some.image(i) == other.image(i);
  }
  CHECK(different.size() == 100);
  CHECK(same);
  CHECK_FALSE(others);
  spankey_test::check_refused([] { (void)chosen_samples(training(), 3001, 1); }, "data.105");
  spankey_test::check_refused([] { (void)chosen_samples(training(), 0, 1); }, "data.105");
}
