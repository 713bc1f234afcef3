// Games that ask alone, against gates whose answers are known in closed form: what they find there, and what they must not find.
#include <doctest/doctest.h>

#include <cmath>
#include <numbers>
#include <vector>

#include "drawn_gate.hpp"
#include "error_probe.hpp"
#include "spankey/attack/games/black_box.hpp"
#include "spankey/attack/games/collusion.hpp"
#include "spankey/attack/games/compression.hpp"
#include "spankey/attack/games/coordinate_extraction.hpp"
#include "spankey/attack/games/free_key.hpp"
#include "spankey/attack/games/invalid_battery.hpp"
#include "spankey/attack/games/partial_keys.hpp"
#include "spankey/attack/games/reject_stripping.hpp"
#include "spankey/attack/games/tenancy.hpp"

using namespace spankey;

namespace {

const held_samples& samples() {
  static const held_samples all = telling_samples(40);
  return all;
}

// A gate, its keys and its samples.
struct played {
  key_space space;
  drawn_gate gate;
  gate_target target;

  explicit played(drawn_gate::opening opens, key_space keys = small_space())
      : space(std::move(keys)), gate(space, std::move(opens)), target(of(gate, space)) {}

 private:
  static gate_target of(drawn_gate& gate, key_space& space) {
    return {.gate = gate, .secret = &space, .judged = samples(), .own = samples(), .keys = 20, .seed = 5};
  }
};

// Opens to what lies in the span, and to nothing else: no slope leads there.
drawn_gate::opening lock_of(const key_space& space) {
  return [space](std::span<const float> key) { return least_share(space, key) > 1 - 1e-5 ? 1.0 : 0.0; };
}
// Opens the more the closer a key is to the span.
drawn_gate::opening slope_of(const key_space& space) {
  return [space](std::span<const float> key) { return least_share(space, key); };
}

}  // namespace

TEST_CASE("battery: half of the answers are given where the gate is half open") {
  played p(slope_of(small_space()));
  invalid_battery game;
  game.limits.angle_step = 2.5;
  const auto points = points_of(game, p.target);
  // z_C = 16 (1 - 2 o) is above 8 o where o < 0.4; o = cos^2 of the angle.
  const double expected = std::acos(std::sqrt(0.4)) * 180 / std::numbers::pi;
  CHECK(measure_named(points.back(), "half accepted at") == doctest::Approx(expected).epsilon(0.05));
  CHECK(measure_named(points.back(), "accepted") == 1);
  CHECK(measure_named(point_named(points, "orthogonal", 20), "accepted") == 0);
  CHECK(measure_named(point_named(points, "orthogonal", 20), "area") == 1);
  CHECK(measure_named(point_named(points, "orthogonal", 20), "equal error") == 0);
  CHECK(right(point_named(points, "angle", 30), figure::semantic) == 1);
  CHECK(right(point_named(points, "angle", 80), figure::semantic) == 0);
  CHECK(right(point_named(points, "scaled", 4), figure::semantic) == 1);
  // Nothing hides behind a refusal whose classes are all alike, but for the first.
  CHECK(right(point_named(points, "zero", 20), figure::masked) == 0.25);
}

TEST_CASE("battery: what a refusal hides is counted") {
  played p(lock_of(small_space()));
  p.gate.leak = 0.5;
  const auto points = points_of(invalid_battery{}, p.target);
  CHECK(right(point_named(points, "gaussian", 20), figure::semantic) == 0);
  CHECK(right(point_named(points, "gaussian", 20), figure::masked) == 1);
  CHECK(most_gained(points) == 1);
}

TEST_CASE("battery: a span that is everything has no complement, and a shared basis no other site") {
  key_space whole({.subspace_dim = 6, .key_std = 0.5F, .seed = 3}, {{0, {6, 1, 1}}});
  played p([](std::span<const float>) { return 1.0; }, whole);
  for (const attack_point& point : points_of(invalid_battery{}, p.target)) {
    CHECK(point.attack != "orthogonal");
    CHECK(point.attack != "angle");
    CHECK(point.attack != "other_site");
  }
}

TEST_CASE("partial keys: a site that the gate does not read is found, and one that it does is not passed") {
  const key_space space = small_space();
  played blind([space](std::span<const float> key) { return space.subspace_of(0).energy_share(key.data()); });
  const auto found = points_of(partial_keys{}, blind.target);
  CHECK(right(point_named(found, "valid at 0, nothing elsewhere", 1), figure::semantic) == 1);
  CHECK(right(point_named(found, "valid at 0, Gaussian elsewhere", 1), figure::semantic) == 1);
  CHECK(right(point_named(found, "valid at 2, Gaussian elsewhere", 1), figure::semantic) == 0);
  CHECK(most_gained(found) == 1);

  played whole(lock_of(space));
  const auto held = points_of(partial_keys{}, whole.target);
  CHECK(most_gained(held) == 0);
  CHECK(right(point_named(held, "strength", 2), figure::semantic) == 1);  // in the span, and so let in
  CHECK(right(point_named(held, "strength", 0), figure::semantic) == 0);
  CHECK(right(point_named(held, "numbers left out", 0.1), figure::semantic) == 0);
  whole.gate.without = 1;
  CHECK(most_gained(points_of(partial_keys{}, whole.target)) == 1);
}

TEST_CASE(
    "black box: a gate with a slope is climbed by logits, one without is not, and labels see a plateau") {
  black_box game;
  game.limits = {.queries = {50, 4000}, .samples = 8, .runs = 3, .restarts = 1};
  const key_space space = small_space();
  played open(slope_of(space));
  const auto points = points_of(game, open.target);
  for (const char* search : {"nes, logits", "sep-cma-es, logits"}) {
    CHECK(measure_named(point_named(points, search, 4000), "found") == 1);
    CHECK(measure_named(point_named(points, search, 4000), "angle") < 45);
  }
  CHECK(right(point_named(points, "random, logits", 4000), figure::semantic) == 0);
  CHECK(right(point_named(points, "nes, labels", 4000), figure::semantic) == 0);
  // More queries are never worse by what is seen, and every budget of every search is told once.
  CHECK(points.size() == 2 * (4 + 4 + 5));

  played shut(lock_of(space));
  CHECK(most_gained(points_of(game, shut.target)) == 0);

  game.limits.samples = 41;
  CHECK(spankey_test::id_of([&] { points_of(game, shut.target); }) == "attack.126");
}

TEST_CASE("free key: a slope is climbed in a few steps, with labels and without; a lock has none") {
  free_key game;
  game.limits = {.labelled = {16}, .unlabelled = {40}, .steps = 200, .restarts = 2, .rate = 0.1};
  const key_space space = small_space();
  played open(slope_of(space));
  const auto points = points_of(game, open.target);
  CHECK(right(point_named(points, "labels, kept norm", 16), figure::semantic) == 1);
  CHECK(right(point_named(points, "labels, free norm", 16), figure::semantic) == 1);
  CHECK(right(point_named(points, "entropy, kept norm", 40), figure::masked) == 1);
  CHECK(measure_named(point_named(points, "labels, kept norm", 16), "angle") < 35);
  played shut(lock_of(space));
  CHECK(most_gained(points_of(game, shut.target)) == 0);
}

TEST_CASE("collusion: mixtures of leaked keys are in the span; who mixed two of them is traced") {
  collusion game;
  game.limits = {.leaked = {1, 2, 4}, .forged = 60, .tenants = 60};
  const key_space space = small_space(12);
  played p(lock_of(space), space);
  const auto points = points_of(game, p.target);
  for (const char* mix : {"convex", "affine", "beyond", "span", "negated"})
    CHECK(right(point_named(points, mix, 2), figure::semantic) == 1);
  CHECK(right(point_named(points, "negated", 1), figure::semantic) == 1);
  CHECK(measure_named(point_named(points, "convex", 2), "traced") > 0.8);
  CHECK(measure_named(point_named(points, "convex", 2), "traced") >
        measure_named(point_named(points, "span", 4), "traced"));
  game.limits.leaked = {60};
  CHECK(spankey_test::id_of([&] { points_of(game, p.target); }) == "attack.127");
}

TEST_CASE(
    "compression: running statistics that open a gate are found, and weights are as they were afterwards") {
  played p(lock_of(small_space()));
  const std::vector<float> before = p.gate.weights;
  CHECK(most_gained(points_of(compression{}, p.target)) == 0);
  CHECK(p.gate.weights == before);
  p.gate.opened_by_statistics = true;
  const auto points = points_of(compression{}, p.target);
  CHECK(right(point_named(points, "statistics, no key", 40), figure::semantic) == 1);
  CHECK(right(point_named(points, "statistics, Gaussian keys", 40), figure::semantic) == 0);
  CHECK(most_gained(points) == 1);
  // All weights pruned: valid keys are right by chance, and what is seen then decides nothing.
  CHECK(measure_named(point_named(points, "prune, no key", 1), "valid") <= 0.25);
  CHECK(!point_named(points, "prune, no key", 1).decides);
  CHECK(right(point_named(points, "bf16, no key", 16), figure::semantic) == 0);
}

TEST_CASE("extraction: signs are found one by one where each counts, and not where all have to be right") {
  coordinate_extraction game;
  game.limits = {.queries = {20, 500}, .samples = 8, .runs = 2};
  const key_space space = small_space();
  key_space judge = space;
  const key_rows valid = draw_keys(judge, nullptr, 1, 5);
  const auto right_signs = [valid](std::span<const float> key) {
    double count = 0;
    for (std::size_t i = 0; i < key.size(); ++i) count += (key[i] > 0) == (valid[i] > 0) ? 1 : 0;
    return count / static_cast<double>(key.size());
  };
  played open(right_signs);
  open.target.keys = 1;
  const auto points = points_of(game, open.target);
  CHECK(measure_named(point_named(points, "signs, logits", 500), "right signs") == 1);
  CHECK(measure_named(point_named(points, "signs, logits", 20), "right signs") < 1);
  CHECK(right(point_named(points, "signs, logits", 500), figure::semantic) == 1);

  played shut(lock_of(space));
  const auto held = points_of(game, shut.target);
  CHECK(most_gained(held) == 0);
  CHECK(measure_named(point_named(held, "part right", 0.5), "correlation") == 0);
}

TEST_CASE(
    "reject stripping: what a refusal hides is read off, and features that tell are found where classes do "
    "not") {
  played shut(lock_of(small_space()));
  const auto closed = points_of(reject_stripping{}, shut.target);
  CHECK(most_gained(closed) < 0.1);
  CHECK(closed.size() == 2 * (2 + 1));  // no features, and fewer samples than the least budget: all of them

  shut.gate.shows = true;  // masked accuracy stays at chance
  const auto points = points_of(reject_stripping{}, shut.target);
  CHECK(right(point_named(points, "classes alone, no key", 0), figure::masked) == 0.25);
  CHECK(right(point_named(points, "features, probe, no key", 40), figure::masked) == 1);
  CHECK(right(point_named(points, "features, deep probe, Gaussian keys", 40), figure::masked) == 1);
  CHECK(point_named(points, "features, probe, Gaussian keys", 40).labelled == 40);

  shut.gate.shows = false, shut.gate.leak = 0.5;
  const auto leaking = points_of(reject_stripping{}, shut.target);
  CHECK(right(point_named(leaking, "classes alone, Gaussian keys", 0), figure::masked) == 1);
  CHECK(right(point_named(leaking, "classes alone, Gaussian keys", 0), figure::semantic) == 0);
}

TEST_CASE("tenancy: keys of other spaces are another tenant's, and a gate that takes any key lets them in") {
  tenancy game;
  game.limits = {.tenants = 4, .labelled = 16, .steps = 100, .learnt = 3};
  played shut(lock_of(small_space()));
  const auto held = points_of(game, shut.target);
  CHECK(most_gained(held) == 0);
  const attack_point& others = point_named(held, "other tenants", 3);
  CHECK(others.answers.rows() == 3 * 20);
  CHECK(measure_named(others, "tenant 1") == 0.25);
  CHECK(measure_named(others, "own") == 1);
  CHECK(right(point_named(held, "revoked", 1), figure::semantic) == 1);
  CHECK(right(point_named(held, "claimed", 16), figure::semantic) == 0);

  played any([](std::span<const float>) { return 1.0; });
  CHECK(most_gained(points_of(game, any.target)) == 1);
  // A slope lets keys be learnt, and whoever learnt some has a span to claim with.
  played open(slope_of(small_space()));
  CHECK(right(point_named(points_of(game, open.target), "claimed", 16), figure::semantic) > 0.5);
}
