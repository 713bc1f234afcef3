#include <algorithm>
#include <chrono>
#include <filesystem>

#include "release_games.hpp"
#include "run_model.hpp"
#include "spankey/attack/release_games.hpp"
#include "spankey/checkpoint/weights.hpp"
#include "spankey/data/grammar.hpp"
#include "spankey/release/calibration.hpp"

namespace {

using namespace spankey;
using world_type = release_world<backend::cpu>;

std::vector<int> tokens_of(const text_dataset& text, index_t windows) {
  std::vector<int> tokens(static_cast<std::size_t>(std::min(text.size(), windows) * text.length() + 1));
  text.read(0, static_cast<index_t>(tokens.size()), tokens.data());
  return tokens;
}

// Another task for the network: drawn sentences, read backwards.
token_rows task_rows(std::uint64_t seed, index_t length, index_t windows) {
  std::string text = grammar_text(seed, 0, windows * length / 10 + 10);
  std::reverse(text.begin(), text.end());
  const std::vector<int> tokens = prompt_tokens(text);
  return rows_of_text(tokens, length, windows);
}

void play_all(const world_type& world, const release_games_options& request, const told_release_game& told) {
  release_floors<backend::cpu> floors(world);
  const auto wanted = [](const std::vector<std::string>& names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  const auto play = [&](const auto& scheme) {
    if (!wanted(request.schemes, scheme.name)) return;
    for (const std::string& game : release_game_list) {
      if (!wanted(request.games, game)) continue;
      const auto began = std::chrono::steady_clock::now();
      const release_advantage a = play_release_game(game, world, scheme, floors);
      told(a, std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
    }
  };
  play(identity_release{});
  const taylor_options series{.order = static_cast<int>(request.order), .share = request.share};
  play(taylor_release{series});
  taylor_options in_groups = series;
  in_groups.group = static_cast<int>(request.group);
  play(sums_release{in_groups});
  play(entangled_release{});
  play(masked_release{});
}

}  // namespace

void release_games_on_cpu(const run_options& options, const release_games_options& request,
                          const told_release_game& told) {
  const layer_list list = layers_of(options, outputs_of(options));
  released_model<backend::cpu> model(list);
  const arena memory(model, 1);
  load_weights(model, (std::filesystem::path(request.run) / "weights.safetensors").string());
  const index_t length = input_of(options).height;
  const text_dataset train = load_text(options, split::train, length),
                     test = load_text(options, split::test, length);
  const token_rows seen = rows_of_text(tokens_of(train, request.windows), length, request.windows);
  const open_network<released_model<backend::cpu>> open{list, model};
  if (open.places().empty())
    fail("release.107", options.model,
         "found no MLP pair, expected one at least: two maps of tokens with SiLU or GELU between them");
  const auto ranges = calibrate<backend::cpu>(open, [&](auto& session, auto& watcher) {
    for (index_t r = 0; r < seen.size(); ++r) {
      session.restart();
      for (index_t t = 0; t < length; ++t)
        (void)session.read(seen.tokens[static_cast<std::size_t>(r * length + t)], &watcher);
    }
  });
  const world_type world{list,
                         model,
                         ranges,
                         seen,
                         rows_of_text(tokens_of(test, request.judged), length, request.judged),
                         task_rows(101, length, request.windows),
                         task_rows(102, length, request.judged),
                         {.seeds = request.seeds,
                          .trials = request.trials,
                          .updates = static_cast<std::uint64_t>(request.updates),
                          .rate = request.rate}};
  if (world.public_rows.size() < world.limits.batch || world.judged_rows.size() < 1 ||
      world.task_rows.size() < world.limits.batch)
    fail("flag.236", "--windows", "found text for ", world.public_rows.size(), " windows, expected ",
         world.limits.batch, " at least");
  play_all(world, request, told);
}
