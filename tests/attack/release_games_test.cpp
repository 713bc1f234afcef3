// Costs 40 s to compile and 7 s to run.
#include "spankey/attack/release_games.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "error_probe.hpp"
#include "release/small_gpt.hpp"

using namespace spankey;
using spankey_test::check_refused;
using spankey_test::small_backend;
using spankey_test::small_gpt;
using spankey_test::small_ranges;
using spankey_test::small_size;
using spankey_test::small_text;

namespace {

token_rows rows_of(std::uint64_t seed, index_t windows, bool backwards) {
  const std::vector<index_t> text =
      small_text(seed, static_cast<std::size_t>(windows * small_size.context + 1));
  std::vector<int> tokens(text.begin(), text.end());
  if (backwards) std::reverse(tokens.begin(), tokens.end());
  return rows_of_text(tokens, small_size.context, windows);
}

// A network that has learnt something.
struct played_world {
  small_gpt held;
  release_world<small_backend> world{
      held.list,           held.model, {}, rows_of(1, 40, false), rows_of(2, 12, false), rows_of(3, 16, true),
      rows_of(4, 12, true)};
  release_floors<small_backend> floors{world};
  played_world() {
    attacker_network<small_backend> trained(held.list, 16);
    trained.begin(7);
    trained.train(rows_of(9, 400, false), {.batch = 16, .updates = 400, .rate = 1e-2}, 0);
    copy_model(held.model, trained.model());
    world.ranges = small_ranges(held);
    world.limits = {.seeds = 3, .trials = 8, .batch = 8, .updates = 40, .rate = 3e-3};
  }
};
played_world& played() {
  static const auto made = std::make_unique<played_world>();
  return *made;
}
template <class Scheme>
release_advantage play(std::string_view game, const Scheme& scheme) {
  return play_release_game(game, played().world, scheme, played().floors);
}

}  // namespace

TEST_CASE("identity and TaylorMLP lose every game, whoever tosses") {
  const auto loses = [&](const auto& scheme) {
    const release_advantage parameters = play("PE", scheme);
    CHECK(parameters.advantage == 1);
    CHECK(parameters.low > 0.3);
    CHECK(parameters.found >= 0.999);
    const release_advantage function = play("FE", scheme);
    CHECK(function.with == 1);
    CHECK(function.without == 0);
    CHECK(function.found < 1e-6);
    // Who goes on training what was extracted leaves it; who is taught its answers stays near; who has nothing is far off.
    const auto& s = function.strategies;
    REQUIRE(s.size() == 5);
    CHECK(s[0].wins == 1);
    CHECK(s[0].share >= 0.999);
    CHECK(s[0].kl < s[3].kl);
    CHECK(s[3].kl < s[2].kl);
    CHECK(s[3].kl < s[1].kl);
    CHECK(std::max(s[1].kl, s[2].kl) < s[4].kl);
    const release_advantage which = play("RI", scheme);
    CHECK(which.advantage == 0.5);
    CHECK(which.low > 0.1);
    const release_advantage modified = play("FT", scheme);
    CHECK(modified.advantage > 0.02);
    CHECK(modified.low <= modified.advantage);
    CHECK(modified.advantage <= modified.high);
  };
  loses(identity_release{});
  loses(taylor_release{{.order = 8}});
}

TEST_CASE("without its key a locked network gives away what it does not lock") {
  for (const char* game : {"PE", "FE"}) {
    CHECK(play(game, entangled_release{}).advantage == 0);
    CHECK(play(game, masked_release{}).advantage == 0);
  }
  CHECK(play("PE", masked_release{}).found < 0.1);
  // Weights that were withheld can be learnt, and are other ones then.
  const auto s = play("FE", masked_release{}).strategies;
  for (std::size_t i = 1; i <= 3; ++i) {
    CHECK(s[i].kl < 0.5 * s[0].kl);
    CHECK(s[i].kl < 0.5 * s[4].kl);
    CHECK(s[i].share < 0.02);
  }
  // Lengths of columns stay under a rotation; of what is not there nothing does.
  CHECK(play("RI", entangled_release{}).advantage == 0.5);
  CHECK(play("RI", masked_release{}).low == 0);
}

TEST_CASE("what is reached without a release is the same the second time") {
  auto& p = played();
  attacker_network<small_backend> network(p.held.list, p.world.limits.batch);
  release_floors<small_backend> floors(p.world);
  floors.begin_from_nothing(network, 5);
  const std::vector<float> first = network.logits(p.world.judged_rows);
  network.begin(6);
  CHECK(network.logits(p.world.judged_rows) != first);
  floors.begin_from_nothing(network, 5);
  CHECK(network.logits(p.world.judged_rows) == first);
  const double right = floors.other_task(network, 5);
  CHECK(right > 0);
  CHECK(floors.other_task(network, 5) == right);
}

TEST_CASE("the judge does not count the order of neurons") {
  auto& p = played();
  attacker_network<small_backend> second(p.held.list, 1);
  const auto ranges = release_play::reorder_neurons(p.world, second.model());
  CHECK(ranges.size() == 2);
  CHECK(ranges[0].least.back() == p.world.ranges[0].least.front());
  const weight_release r = taylor_release{}.release(p.world.owner(), p.world.ranges, 1);
  CHECK(recovered_share(p.world.owner(), r, second.model()) == 1);
  second.model().parameter_of("h.0.mlp.c_proj.weight").value.data[0] += 1;
  CHECK(recovered_share(p.world.owner(), r, second.model()) < 1);
  CHECK(second.accuracy(p.world.judged_rows) > 0);
}

TEST_CASE("a game that there is not is refused") {
  check_refused([] { (void)play("XE", identity_release{}); }, "attack.140", {"XE"});
}
