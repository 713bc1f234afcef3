// Every game against a small network that was trained with mode B, whose outcomes are known: refusals hide, and remove nothing. The
// same figures come out for any number of threads. Costs 80 s to compile and 15 s to run.
#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "error_probe.hpp"
#include "spankey/attack/attacked_network.hpp"
#include "spankey/attack/games/absorption.hpp"
#include "spankey/attack/games/black_box.hpp"
#include "spankey/attack/games/collusion.hpp"
#include "spankey/attack/games/compression.hpp"
#include "spankey/attack/games/coordinate_extraction.hpp"
#include "spankey/attack/games/distillation.hpp"
#include "spankey/attack/games/fine_tuning.hpp"
#include "spankey/attack/games/free_key.hpp"
#include "spankey/attack/games/invalid_battery.hpp"
#include "spankey/attack/games/partial_keys.hpp"
#include "spankey/attack/games/reject_stripping.hpp"
#include "spankey/attack/games/tenancy.hpp"
#include "spankey/attack/judged_game.hpp"
#include "spankey/backend/cpu/cpu.hpp"
#include "spankey/data/glyphs.hpp"
#include "spankey/inject/multiplicative.hpp"
#include "spankey/inject/none.hpp"
#include "spankey/loss/deny/reject_class.hpp"
#include "spankey/train/trainer.hpp"

using namespace spankey;

namespace {

const image_dataset& training() {
  static const image_dataset data = make_glyphs(4000, 1, split::train, {1, 16, 16});
  return data;
}
const image_dataset& deciding() {
  static const image_dataset data = make_glyphs(100, 1, split::test, {1, 16, 16});
  return data;
}
layer_list list_of_layers(index_t outputs) {
  layer_list net("tiny", {1, 16, 16});
  return net.conv2d("conv1", 16, {.stride = 2})
      .batch_norm2d("bn1", activation::relu)
      .site(0)
      .conv2d("conv2", 32, {.stride = 2})
      .batch_norm2d("bn2", activation::relu)
      .site(1)
      .head("fc", outputs);
}

using gated = sized_model<multiplicative, backend::cpu, float>;
using bare = sized_model<none, backend::cpu, float>;

// A network that was trained with mode B, and everything that games ask for.
struct attacked {
  layer_list list = list_of_layers(glyph_classes);
  gated model{list_of_layers(glyph_classes + 1)};
  bare held{list_of_layers(glyph_classes + 1)};
  key_space keys;
  std::optional<arena> memory, of_held;
  held_samples judged = hold(deciding(), 0, 100), own = hold(training(), 0, 200);

  explicit attacked(float gamma)
      : keys(config(), {{0, model.site_shapes()[0]}, {1, model.site_shapes()[1]}}) {
    const int at[] = {0, 1};
    set_gate(model, multiplicative{gamma}, at);
    keep_second_moment(model);
    memory.emplace(model, 2 * 50);
    of_held.emplace(held, 50);
    initialise(model, 1), initialise(held, 1);
    const objective<reject_class> goal{.classes = glyph_classes, .weight = 0.1};
    silent_observer observer;
    trainer run(
        model, goal, &keys, training(),
        training_options{.epochs = 8, .batch = 50, .rate = {.learning_rate = 3e-3}, .adam = adam_options{}});
    run.run(observer);
    copy_known(model, held);
  }
  static key_space_config config() {
    key_space_config c{.subspace_dim = 4, .key_std = 0.5F, .seed = 2};
    c.per_site_key = c.per_site_basis = true;
    return c;
  }

  template <class G>
  played_game plays(const G& game) {
    attacked_network gate(model, &keys, glyph_classes, 50);
    const auto places = layers_behind(list, keys.sites());
    const training_target<bare, image_dataset> target{
        {gate, &keys, judged, own, 10, 1}, held, list, training(), deciding(), places};
    return play(game, target, [](const played_point&) {});
  }
  utility open() {
    attacked_network gate(model, &keys, glyph_classes, 50);
    return utility_of(ask_keys(gate, judged, draw_keys(keys, nullptr, 10, 1)), figure::semantic);
  }
};

attacked& mode_b_network() {
  static const auto made = std::make_unique<attacked>(1.0F);
  return *made;
}

const played_point& named(const played_game& points, std::string_view attack) {
  for (const played_point& p : points)
    if (p.attack == attack) return p;
  fail("test.101", "named", "found no point ", attack);
}
double best(const played_game& points) {
  double most = 0;
  for (const played_point& p : points)
    if (p.decides) most = std::max(most, p.found.mean());
  return most;
}

template <class G>
G with(typename G::limits_type limits) {
  G game;
  game.limits = std::move(limits);
  return game;
}
black_box small_black_box() {
  return with<black_box>({.queries = {50, 150},
                          .channels = {channel::logits, channel::labels},
                          .samples = 16,
                          .runs = 2,
                          .restarts = 1});
}
free_key small_free_key() {
  return with<free_key>({.labelled = {64}, .unlabelled = {64}, .steps = 40, .restarts = 2});
}
collusion small_collusion() { return with<collusion>({.leaked = {1, 4}, .forged = 10, .tenants = 20}); }
compression small_compression() {
  return with<compression>({.pruned = {0.2}, .turned = {0.01}, .noise = {0.03}, .recalibrated = 100});
}
coordinate_extraction small_extraction() {
  return with<coordinate_extraction>({.queries = {50}, .samples = 16, .runs = 1, .share_step = 0.25});
}
fine_tuning small_fine_tuning() {
  return with<fine_tuning>({.samples = {200},
                            .parts = {relearnt::fresh_head, relearnt::statistics},
                            .rates = {1e-2},
                            .updates = 60});
}
absorption small_absorption() {
  return with<absorption>(
      {.samples = {200}, .kinds = {inserted_kind::affine}, .rates = {1e-2}, .updates = 60});
}
distillation small_distillation() {
  return with<distillation>({.queries = {1000}, .noise = false, .how = {.updates = 250, .rate = 3e-3}});
}
reject_stripping small_stripping() {
  return with<reject_stripping>({.labelled = {200}, .ridges = {1e-3}, .keys = 1, .hidden = 8});
}

}  // namespace

TEST_CASE("games: mode B refuses wrong keys and none, and loses to whoever ignores that") {
  attacked& net = mode_b_network();
  const double open = net.open().mean();
  REQUIRE(open > 0.75);
  const played_game battery = net.plays(invalid_battery{});
  CHECK(named(battery, "gaussian").found.mean() > 0.7 * open);  // masked
  CHECK(named(battery, "valid keys").found.mean() == doctest::Approx(open));
  const auto accepted = [&](std::string_view attack) {
    return named(battery, attack).measures.front().value;
  };
  CHECK(accepted("gaussian") < 0.2);
  CHECK(accepted("valid keys") > 0.95);
  CHECK(accepted("angle") > 0.5);  // at 5 degrees

  CHECK(best(net.plays(small_free_key())) > 0.8 * open);
  CHECK(named(net.plays(small_collusion()), "convex").found.mean() > 0.9 * open);
  CHECK(best(net.plays(small_fine_tuning())) > 0.7 * open);
  CHECK(best(net.plays(small_absorption())) > 0.7 * open);
  CHECK(best(net.plays(small_extraction())) > 0.6 * open);
  CHECK(best(net.plays(small_black_box())) > 0.7 * open);
  CHECK(best(net.plays(small_compression())) > 0.7 * open);
  const played_game stripped = net.plays(small_stripping());
  CHECK(named(stripped, "classes alone, Gaussian keys").found.mean() ==
        doctest::Approx(named(battery, "gaussian").found.mean()));
  CHECK(named(stripped, "features, probe, no key").found.mean() > 0.7 * open);
  // Refused answers teach nearly as well as given ones.
  const played_game students = net.plays(small_distillation());
  const auto taught = [&](std::string_view attack) { return named(students, attack).found.mean(); };
  CHECK(taught("taught under a Gaussian key") > 0.8 * taught("taught under a valid key"));
  CHECK(taught("taught under a valid key") > 0.5);
  CHECK(named(students, "taught under a Gaussian key").measures.back().value > 1);  // bits, of log2 10

  const played_game tenants =
      net.plays(with<tenancy>({.tenants = 3, .labelled = 64, .steps = 40, .learnt = 2}));
  CHECK(named(tenants, "other tenants").measures.back().value == doctest::Approx(open));
  CHECK(named(tenants, "revoked").found.mean() == doctest::Approx(open));
  CHECK(named(tenants, "claimed").found.mean() > 0.5 * open);

  const std::vector<played_game> seeds = {battery};
  const std::vector<seed_terms> terms = {{net.open(), nullptr}};
  const judged_game judged = judge_game(seeds, terms, 0.1, 1);
  CHECK(judged.verdict == verdict_of_game::lost);
  CHECK(judged.points[judged.best].decides);
  CHECK(judged.points[judged.best].gain.gain > 0.7);
}

TEST_CASE("games: a network that is silent whatever the key, and whose features tell, is caught by a probe") {
  attacked net(1.0F);
  for (const char* name : {"fc.weight", "fc.bias"}) {
    auto& p = net.model.parameter_of(name);
    std::fill_n(p.value.data, p.dims.size(), 0.0F);
  }
  const played_game points = net.plays(small_stripping());
  CHECK(named(points, "classes alone, no key").found.mean() < 0.2);  // one class for every sample
  CHECK(named(points, "logits, probe, no key").found.mean() < 0.2);
  CHECK(named(points, "features, probe, no key").found.mean() > 0.6);
}

TEST_CASE("games: a network that was put out of balance inside is found again without labels") {
  attacked net(1.0F);
  auto& shift = net.held.parameter_of("bn2.bias");
  for (index_t i = 0; i < shift.dims.size(); ++i) shift.value.data[i] += i % 2 == 0 ? 6.0F : -1.0F;
  const double before = answers_without_key(net.held, deciding(), 50).share(0, figure::masked);
  const played_game points =
      net.plays(with<fine_tuning>({.samples = {1000}, .parts = {}, .rates = {3e-3}, .updates = 200}));
  REQUIRE(points.size() == 1);
  CHECK(before < 0.6);
  CHECK(named(points, "adaptation").found.mean() > before + 0.1);
}

TEST_CASE("games: a key that does nothing is found out without one") {
  attacked net(1e-4F);
  const played_game points = net.plays(partial_keys{});
  CHECK(named(points, "no key").found.mean() == doctest::Approx(net.open().mean()).epsilon(0.05));
}

TEST_CASE("games: the same figures for any number of threads, and twice") {
  attacked& net = mode_b_network();
  const auto figures = [&] {
    std::vector<double> all;
    const auto add = [&](const played_game& points) {
      for (const played_point& p : points) {
        all.insert(all.end(), p.found.rows.begin(), p.found.rows.end());
        for (const measure& m : p.measures) all.push_back(m.value);
      }
    };
    add(net.plays(small_free_key())), add(net.plays(small_black_box())), add(net.plays(small_collusion()));
    add(net.plays(small_compression())), add(net.plays(small_fine_tuning())),
        add(net.plays(small_absorption()));
    add(net.plays(small_stripping())), add(net.plays(small_distillation()));
    return all;
  };
  std::vector<double> first;
  for (const index_t threads : {1, 2, 3}) {
    const thread_limit limit(threads);
    const std::vector<double> found = figures();
    if (first.empty()) first = found;
    CHECK(found == first);
  }
}
