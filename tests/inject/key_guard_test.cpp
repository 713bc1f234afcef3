// Costs 12 s to compile.
#include "spankey/inject/key_guard.hpp"

#include <doctest/doctest.h>

#include <utility>
#include <vector>

#include "spankey/backend/reference/reference.hpp"
#include "spankey/core/arena.hpp"
#include "spankey/inject/additive.hpp"
#include "spankey/inject/gated.hpp"
#include "spankey/inject/multiplicative.hpp"
#include "spankey/inject/runtime.hpp"

using namespace spankey;

namespace {

using image = shape<3, 2, 2>;
constexpr index_t size = image::size;

// Lets in keys whose first number is above 0, and turns samples round: y_i = 2 x_(size-1-i).
class positive final : public key_guard<double> {
 public:
  bool lets_in(const double* key) const override { return key[0] > 0; }
  void refuse(const double* x, double* y) const override {
    for (index_t i = 0; i < size; ++i) y[i] = 2 * x[size - 1 - i];
  }
  void refuse_back(double* dy) override {
    const std::vector<double> from(dy, dy + size);
    for (index_t i = 0; i < size; ++i) dy[i] = 2 * from[static_cast<std::size_t>(size - 1 - i)];
  }
  rows tells_by() const override { return {}; }
};

struct passed {
  std::vector<double> y, dx, dk;
};

// A site of n samples, whose keys are `keys` (n x size, or nothing), forward and backward; dy counts up from 1.
template <class P>
passed through(const P& injector, key_guard<double>* guard, std::vector<double> x, std::vector<double> keys) {
  gated<image, gate<P, at<0>>, 0, backend::reference, double> site;
  site.injector = injector;
  site.guard = guard;
  const index_t n = static_cast<index_t>(x.size()) / size;
  const arena memory(site, n);
  passed all;
  all.dk.assign(keys.size(), 9.0);
  site_keys<double> given;
  if (!keys.empty()) {
    given.group[0] = {keys, size};
    given.gradient[0] = all.dk;
  }
  pass p;
  const auto y = site.forward(p, {x.data(), n}, given);
  all.y.assign(y.data(), y.data() + n * size);
  all.dx.resize(x.size());
  for (std::size_t i = 0; i < all.dx.size(); ++i) all.dx[i] = static_cast<double>(i) + 1;
  site.backward(p, {all.dx.data(), n});
  return all;
}

std::vector<double> part(const std::vector<double>& all, index_t sample) {
  return {all.begin() + sample * size, all.begin() + (sample + 1) * size};
}

template <class P>
void check_guard(const P& injector) {
  positive guard;
  std::vector<double> x(3 * size), keys(3 * size, 0.5);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = 0.25 * static_cast<double>(i) - 3;
  keys[static_cast<std::size_t>(size)] = -0.5;  // of the second sample
  const passed plain = through(injector, nullptr, x, keys), kept = through(injector, &guard, x, keys);
  const passed without = through(injector, &guard, x, {});
  for (const index_t accepted : {0, 2}) {
    CHECK(part(kept.y, accepted) == part(plain.y, accepted));
    CHECK(part(kept.dx, accepted) == part(plain.dx, accepted));
    CHECK(part(kept.dk, accepted) == part(plain.dk, accepted));
  }
  for (const auto& [all, sample] :
       {std::pair{&kept, index_t{1}}, {&without, 0}, {&without, 1}, {&without, 2}}) {
    for (index_t i = 0; i < size; ++i) {
      const auto at = static_cast<std::size_t>(sample * size + i);
      const auto from = static_cast<std::size_t>(sample * size + size - 1 - i);
      CHECK(all->y[at] == 2 * x[from]);
      CHECK(all->dx[at] == 2 * (static_cast<double>(from) + 1));
    }
  }
  CHECK(part(kept.dk, 1) == std::vector<double>(static_cast<std::size_t>(size), 0.0));
  CHECK(without.dk.empty());
}

}  // namespace

TEST_CASE("a guard: who is let in meets the injector, who is not, and who has no key, does not") {
  SUBCASE("additive") { check_guard(additive{1.5F}); }
  SUBCASE("multiplicative") { check_guard(multiplicative{2}); }
  SUBCASE("no injector") { check_guard(runtime{}); }
  SUBCASE("chosen at run time") { check_guard(runtime{injector_kind::multiplicative, 2}); }
}

TEST_CASE("a guard makes a site take keys whose injector does nothing") {
  gated<image, gate<runtime, at<0>>, 0, backend::reference, double> site;
  CHECK_FALSE(site.takes_key());
  positive guard;
  site.guard = &guard;
  CHECK(site.takes_key());
  site.enabled = false;
  CHECK_FALSE(site.takes_key());
  CHECK_FALSE(site.reads({}, 1));
}
