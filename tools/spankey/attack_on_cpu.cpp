#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <type_traits>

#include "attack.hpp"
#include "relearn_on_cpu.hpp"
#include "run_folder.hpp"
#include "run_syndrome.hpp"
#include "spankey/attack/attacked_network.hpp"
#include "spankey/attack/chosen_samples.hpp"
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

namespace {

using namespace spankey;

// In the order of their numbers.
using every_game =
    std::tuple<reject_stripping, invalid_battery, partial_keys, black_box, free_key, collusion, fine_tuning,
               absorption, distillation, compression, coordinate_extraction, tenancy>;

template <class F>
void for_each_game(const F& f) {
  std::apply([&](const auto&... game) { (f(game), ...); }, every_game{});
}

// How many samples a network is asked about at once: what fills the cores, in half a gigabyte.
template <class Model>
index_t asked_at_once(Model& model) {
  constexpr std::size_t room = std::size_t{1} << 29;
  constexpr index_t least = 64, most = 1024;
  const std::size_t of_least = plan_memory(model, least).bytes() - plan_memory(model, 1).bytes();
  return std::clamp(least * static_cast<index_t>(room / std::max<std::size_t>(1, of_least)), least, most);
}

// A run's data, weights and secret, and what every attacker does to it.
template <class Data>
struct attacked_run {
  const run_options& options;
  const attack_options& request;
  const Data& train;
  const Data& test;  // the samples that decide
  attack_budget budget;

  layer_list list = layers_of(options, head_outputs(test.classes));  // nobody who trains needs a refusal
  relearning::seen_lock lock = relearning::seen_lock(request.run);
  // The attacker's copy, without a key.
  std::unique_ptr<relearning::loaded> held = loaded_from(request.run);

  // Every game that was not played yet, of every seed's attacker.
  void play_all(const std::vector<int>& numbers, attack_results& results, const attack_progress& progress) {
    if (!options.keyed()) {
      attacked_network gate(held->model, nullptr, test.classes, relearning::loaded::batch);
      const std::unique_ptr<relearning::loaded> open = loaded_from(request.open);
      const utility opened = utility_of(answers_without_key(open->model, test, 250), figure::semantic);
      return play_seeds(gate, nullptr, lock_places(), numbers, results, progress,
                        [&](const gate_target&) { return opened; });
    }
    const std::filesystem::path run(request.run);
    const auto model = make_model<backend::cpu, float>(options);
    const index_t batch = asked_at_once(*model);
    const arena memory(*model, batch);
    load_weights(*model, (run / "weights.safetensors").string());
    std::optional<key_space> keys = read_keys(options, (run / "key_space.safetensors").string());
    const auto guards = guards_of<layered_network<backend::cpu, float>>(*model, keys, options);
    attacked_network gate(*model, &*keys, test.classes, batch);
    play_seeds(
        gate, &*keys, layers_behind(list, keys->sites()), numbers, results, progress,
        [](const gate_target& target) { return utility_of(target.answers_to(nullptr), figure::semantic); });
  }

 private:
  using layer_names = std::set<std::string, std::less<>>;

  [[nodiscard]] std::unique_ptr<relearning::loaded> loaded_from(const std::string& run) const {
    return std::make_unique<relearning::loaded>(layers_of(options, outputs_of(options)), run);
  }
  // Those that a lock names, or where a map could be.
  [[nodiscard]] layer_names lock_places() const {
    layer_names places = lock.layers;
    for (const layer_description& d : list)
      if (lock.layers.empty() && infer::takes_map(d)) places.emplace(d.name.view());
    return places;
  }

  template <class Opened>
  void play_seeds(attacked_gate& gate, key_space* keys, const layer_names& places,
                  const std::vector<int>& numbers, attack_results& results, const attack_progress& progress,
                  const Opened& opened) {
    const attack_sizes sizes = attack_sizes::at(budget);
    const held_samples judged = hold(test, 0, test.size());
    for (std::uint64_t seed = 0; seed < request.seeds; ++seed) {
      const held_samples own = own_samples(sizes.own, seed);
      const training_target<relearning::network, Data> target{
          {gate, keys, judged, own, sizes.keys, seed}, held->model, list, train, test, places};
      base_of(seed, results).open = opened(target);
      for_each_game([&](const auto& game) { play_one(game, target, numbers, results, progress); });
    }
  }
  template <class G, class Target>
  void play_one(G game, const Target& target, const std::vector<int>& numbers, attack_results& results,
                const attack_progress& progress) {
    const bool asked = std::find(numbers.begin(), numbers.end(), G::number) != numbers.end();
    if (!asked || results.played(G::number, target.seed) != nullptr) return;
    if (G::needs_keys && target.secret == nullptr) return;
    if (!progress.takes(G::number, target.seed, results)) return;
    game.limits = G::limits_at(budget);
    const auto began = std::chrono::steady_clock::now();
    seed_game found{G::number, target.seed, 0, {}};
    found.points =
        play(game, target, [&](const played_point& p) { progress.on_point(G::number, target.seed, p); });
    seed_base& base = base_of(target.seed, results);
    for (const played_point& p : found.points)
      if (p.labelled > 0 && !base.floors.contains(p.labelled))
        base.floors[p.labelled] = floor_of(p.labelled, target.seed);
    found.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    results.games.push_back(std::move(found));
    progress.on_game(results);
  }
  static seed_base& base_of(std::uint64_t seed, attack_results& results) {
    for (seed_base& b : results.seeds)
      if (b.seed == seed) return b;
    results.seeds.push_back({seed, {}, {}});
    return results.seeds.back();
  }
  held_samples own_samples(index_t count, std::uint64_t seed) const {
    const index_t n = std::min<index_t>(count, train.size());
    const chosen_samples<Data> chosen(train, n, seed);
    return hold(chosen, 0, n);
  }
  // A network from scratch with as many labelled samples, and the same search as fine-tuning has.
  utility floor_of(index_t samples, std::uint64_t seed) {
    const auto limits = fine_tuning::limits_at(budget);
    const relearn_result found =
        relearn(held->model, list, relearnt::scratch, inserted_kind::stitch,
                [](const layer_description&) { return false; }, train, test,
                {.samples = samples, .updates = limits.updates, .rates = limits.rates, .seed = seed});
    return utility_of(found.answers, figure::masked);
  }
};

}  // namespace

std::vector<game_title> program_games() {
  std::vector<game_title> all;
  for_each_game([&](const auto& game) {
    using game_type = std::remove_cvref_t<decltype(game)>;
    all.push_back({game_type::number, game_type::title, game_type::needs_keys});
  });
  return all;
}

void attack_on_cpu(const run_options& given, const attack_options& request, const std::vector<int>& numbers,
                   attack_results& results, const attack_progress& progress) {
  const attack_budget budget = choose(attack_budget_names, request.budget, "flag.206", "--budget");
  run_options options = given;
  const index_t judged = attack_sizes::at(budget).judged;
  options.test_limit = options.test_limit > 0 ? std::min<std::int64_t>(options.test_limit, judged) : judged;
  with_data(options, [&](const auto& load) {
    const auto test = load(split::test);
    using data_type = std::remove_cvref_t<decltype(test)>;
    if constexpr (SequenceDataset<data_type>) {
      fail("flag.205", "attack", "found a run of text; expected one of images or features");
    } else {
      const auto train = load(split::train);
      results.classes = test.classes;
      attacked_run<data_type> run{options, request, train, test, budget};
      run.play_all(numbers, results, progress);
    }
  });
}

relearn_report relearn_on_cpu(const run_options& options, const relearn_options& request,
                              const std::vector<known_floor>& floors,
                              const std::function<void(const relearn_report&, const relearn_row&)>& told) {
  relearn_report report;
  with_data(options, [&](const auto& load) {
    const auto train = load(split::train);
    if constexpr (SequenceDataset<std::remove_cvref_t<decltype(train)>>) {
      fail("flag.165", "relearn", "found a run of text; expected one of images or features");
    } else {
      const auto test = load(split::test);
      relearning::relearn_run_on(options, request, std::span(floors), train, test, report, told);
    }
  });
  return report;
}
