// Of a network that is linear in its keys the prediction is exact, and known in closed form. Costs 12 s to compile.
#include "spankey/diagnose/margin_tail.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include "error_probe.hpp"
#include "spankey/backend/reference/reference.hpp"
#include "spankey/core/arena.hpp"
#include "spankey/data/glyphs.hpp"
#include "spankey/inject/additive.hpp"
#include "spankey/model/initialise.hpp"
#include "spankey/model/sized_model.hpp"

using namespace spankey;

namespace {

constexpr index_t count = 60;
const image_dataset& glyphs() {
  static const image_dataset data = make_glyphs(count, 1, split::train, {1, 16, 16});
  return data;
}
layer_list linear_network() {
  layer_list net("linear", {1, 16, 16});
  return net.site(0).head("fc", glyphs().classes);
}
using network = sized_model<additive, backend::reference, float>;

struct gated {
  network model{linear_network()};
  key_space keys;
  std::unique_ptr<arena> memory;

  explicit gated(float gamma, std::uint64_t seed = 1)
      : keys({.subspace_dim = 16, .key_std = 0.5F, .seed = seed}, {{0, {1, 16, 16}}}) {
    const int at[] = {0};
    set_gate(model, additive{gamma}, at);
    memory = std::make_unique<arena>(model, 25);
    initialise(model, 1);
  }
};

}  // namespace

TEST_CASE("margin tail: of a linear network the gradient is a difference of rows, and the prediction holds") {
  gated g(0.25F);
  const margin_options options{.samples = count, .draws = 200, .deviation = 2};
  const margin_tail found = tail_of_margins(g.model, g.keys, glyphs(), 25, options);
  REQUIRE(found.sites.size() == 1);
  CHECK(found.sites[0].dimension == 16);
  CHECK(found.sites[0].size == 256);
  CHECK(found.deviation == 2);
  CHECK(found.margins.size() == count);
  // Enough samples turn, and not all, for the comparison to say something: its error is that of 12,000 draws.
  CHECK(found.predicted > 0.05);
  CHECK(found.predicted < 0.45);
  CHECK(found.measured == doctest::Approx(found.predicted).epsilon(0.04));
  // gamma (w_y - w_rival), whose direction has nothing to do with the span: m/d of its square lies in it.
  const double inside = found.sites[0].inside * found.sites[0].inside,
               whole = inside + found.sites[0].outside * found.sites[0].outside;
  CHECK(inside / whole == doctest::Approx(16.0 / 256).epsilon(0.5));
  const auto& w = g.model.parameter_of("fc.weight");
  double mean_square = 0;
  for (index_t a = 0; a < 10; ++a)
    for (index_t b = 0; b < 10; ++b)
      for (index_t i = 0; i < 256 && a != b; ++i)
        mean_square +=
            std::pow(0.25 * static_cast<double>(w.value.data[i * 10 + a] - w.value.data[i * 10 + b]), 2) / 90;
  CHECK(whole == doctest::Approx(mean_square).epsilon(0.3));
  // The same for any batch, and without a key the same gradient.
  const margin_tail again = tail_of_margins(g.model, g.keys, glyphs(), 7, options);
  CHECK(again.sites[0].outside == doctest::Approx(found.sites[0].outside).epsilon(0.2));
  margin_options none = options;
  none.base = margin_base::zero_key;
  const margin_tail bare = tail_of_margins(g.model, g.keys, glyphs(), 25, none);
  CHECK(bare.measured == doctest::Approx(bare.predicted).epsilon(0.06));
}

TEST_CASE("margin tail: a network that does not hear its keys does not turn") {
  gated g(1e-6F);
  const margin_tail found = tail_of_margins(g.model, g.keys, glyphs(), 25, {.samples = count, .draws = 4});
  CHECK(found.predicted < 0.02);
  CHECK(found.measured < 0.02);
  CHECK(found.sites[0].outside < 1e-5);
}

TEST_CASE("margin tail: one direction of the span alone") {
  gated g(0.25F);
  auto& w = g.model.parameter_of("fc.weight");
  const float* const q = g.keys.subspace_of(0).orthonormal_basis();
  for (index_t i = 0; i < 256; ++i)
    for (index_t c = 0; c < 10; ++c) w.value.data[i * 10 + c] = static_cast<float>(c) * q[i];
  const margin_tail found = tail_of_margins(g.model, g.keys, glyphs(), 25, {.samples = count, .draws = 1});
  CHECK(found.sites[0].inside > 0.1);
  CHECK(found.sites[0].outside < 1e-3 * found.sites[0].inside);
}

TEST_CASE("margin tail: what does not fit") {
  gated g(0.25F);
  const auto refused = [&](const margin_options& o, const char* id) {
    spankey_test::check_refused([&] { (void)tail_of_margins(g.model, g.keys, glyphs(), 25, o); }, id);
  };
  refused({.samples = 0}, "data.105");
  refused({.samples = count + 1}, "data.105");
  refused({.samples = count, .draws = 0}, "diagnose.103");
  spankey_test::check_refused(
      [&] { (void)tail_of_margins(g.model, g.keys, glyphs(), 0, {.samples = count}); }, "diagnose.103");
  key_space other({.subspace_dim = 4}, {{1, {1, 16, 16}}});
  spankey_test::check_refused(
      [&] { (void)tail_of_margins(g.model, other, glyphs(), 25, {.samples = count}); }, "train.111");
  spankey_test::check_refused(
      [&] { (void)tail_of_margins(g.model, g.keys, glyphs(), 26, {.samples = count}); }, "memory.106");
  // A network that is broken is not one that never turns.
  g.model.parameter_of("fc.weight").value.data[5] = std::numeric_limits<float>::quiet_NaN();
  refused({.samples = count}, "diagnose.104");
}
