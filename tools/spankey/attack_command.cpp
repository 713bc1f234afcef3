#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <filesystem>

#include "attack.hpp"
#include "experiment.hpp"
#include "json_text.hpp"
#include "pieces.hpp"
#include "processes.hpp"
#include "program_command.hpp"
#include "run_folder.hpp"
#include "settings.hpp"
#include "spankey/checkpoint/checkpoint_series.hpp"
#include "spankey/core/error.hpp"
#include "spankey/file/atomic_file.hpp"
#include "spankey/file/printable.hpp"

namespace {

namespace fs = std::filesystem;
using spankey::fail;
using spankey::printable;

std::vector<int> game_numbers(const std::string& text) {
  const std::vector<game_title> known = program_games();
  std::vector<int> numbers;
  if (text == "all") {
    for (const game_title& game : known) numbers.push_back(game.number);
    return numbers;
  }
  for_each_piece(text, [&](const std::string& piece) {
    int number = 0;
    const auto [end, code] = std::from_chars(piece.data(), piece.data() + piece.size(), number);
    const bool is_known =
        std::any_of(known.begin(), known.end(), [&](const game_title& g) { return g.number == number; });
    if (code != std::errc{} || end != piece.data() + piece.size() || !is_known) {
      std::string names;
      for (const game_title& g : known) names += (names.empty() ? "" : ", ") + std::to_string(g.number);
      fail("flag.206", "--games", "found '", printable(piece), "', expected all, or some of ", names);
    }
    if (std::find(numbers.begin(), numbers.end(), number) == numbers.end()) numbers.push_back(number);
  });
  return numbers;
}

void print_games(const attack_results& results, const std::vector<int>& numbers) {
  std::printf("\n%4s  %-28s %-44s %10s  %-22s %s\n", "game", "", "the attack that gains most", "budget",
              "gain G", "verdict");
  for (const game_title& game : program_games()) {
    if (std::find(numbers.begin(), numbers.end(), game.number) == numbers.end()) continue;
    const spankey::judged_game found = judged({&results, 1}, game.number);
    const spankey::judged_point& best = found.points[found.best];
    std::printf("%4d  %-28s %-44s %10g  %5.2f (%5.2f to %5.2f)  %s\n", game.number,
                std::string(game.title).c_str(), (best.attack + ", " + best.unit).c_str(), best.budget,
                best.gain.gain, best.gain.low, best.gain.high,
                std::string(name_of_verdict(found.verdict)).c_str());
  }
  double open = 0;
  for (const seed_base& b : results.seeds) open += b.open.mean() / static_cast<double>(results.seeds.size());
  std::printf(
      "\nvalid keys are right on %.4f\n"
      "G      (attack - floor)/(valid keys - floor), with a 95 %% interval over attackers, keys and samples; "
      "the\n"
      "       floor is chance, or a network from scratch with as many labelled samples\n"
      "lost   the whole interval is above %.1f; held: below\n",
      open, spankey::allowed_gain);
}

// What keys open is known of a run with keys; of others, what they are without their lock.
void require_open(const attack_options& request) {
  if (request.open.empty())
    fail("flag.204", "attack",
         "found a run without keys; expected a gated one, or --open RUN: the same network without its lock");
}

// Plays what was not played yet against one run, and writes it as it is found.
attack_results attack_one(const attack_options& request, const std::vector<int>& numbers,
                          const std::string& out) {
  run_options options = read_config((fs::path(request.run) / "config.json").string());
  options.data_root = request.data_root;
  options.test_limit = request.test_limit;
  for (const std::string& run : {request.run, request.open})
    if (!run.empty() && !spankey::checkpoints_in(run).empty())
      fail("flag.163", "RUN", "'", printable(run), "' holds checkpoints: its training is not finished");
  if (!options.keyed()) require_open(request);
  if (!request.open.empty() && options.keyed())
    fail("flag.209", "--open", "found it for a run with keys, which open it");
  if (!request.open.empty() &&
      read_config((fs::path(request.open) / "config.json").string()).model != options.model)
    fail("flag.166", "--open", "'", printable(request.open), "' is a run of another network");
  attack_results results = earlier_results(out, request);
  attack_on_cpu(options, request, numbers, results,
                {[&](int number, std::uint64_t seed, const spankey::played_point& p) {
                   std::printf("%4d %4llu  %-44s %-26s %10g %9.4f %9.4f\n", number,
                               static_cast<unsigned long long>(seed), p.attack.c_str(), p.unit.c_str(),
                               p.budget, p.found.mean(), p.found.most());
                   std::fflush(stdout);
                 },
                 [&](const attack_results& so_far) {
                   spankey::write_file_atomically(out, attack_text(so_far, request),
                                                  spankey::file_mode::shared);
                 }});
  return results;
}

void print_columns() {
  std::printf("%4s %4s  %-44s %-26s %10s %9s %9s\n", "game", "seed", "attack", "budget in", "budget", "right",
              "worst key");
}

// "lost 0.98 (0.97 to 0.99)"
std::string verdict_cell(const spankey::judged_game& found) {
  const spankey::gain_estimate& gain = found.points[found.best].gain;
  std::array<char, 80> text{};
  std::snprintf(text.data(), text.size(), "%s %.2f (%.2f to %.2f)",
                std::string(name_of_verdict(found.verdict)).c_str(), gain.gain, gain.low, gain.high);
  return text.data();
}

// Every finished cell of a sweep, one after another, and a table: a line a row, a column a game.
int attack_sweep(const attack_options& request, const std::vector<int>& numbers) {
  const fs::path folder(request.run);
  const std::string file = (folder / "experiment.json").string();
  const experiment what = parse_experiment(text_of_file(file, "flag.208", config_cap), file);
  if (!request.out.empty()) fail("flag.208", "--out", "names one file, where a sweep has one in every cell");
  std::string table = "# " + what.title + ": games, budget " + request.budget + "\n\n| row | gates |",
              line = "|---|---|";
  for (const int number : numbers) {
    for (const game_title& game : program_games())
      if (game.number == number) table += " " + std::to_string(number) + " " + std::string(game.title) + " |";
    line += "---|";
  }
  table += "\n" + line + "\n";
  print_columns();
  for (std::size_t row = 0; row < what.rows.size(); ++row) {
    std::vector<attack_results> gates;
    for (const std::uint64_t seed : what.seeds) {
      attack_options one = request;
      one.run = (folder / "cells" / what.cell(row, seed)).string();
      std::error_code code;
      if (!fs::exists(fs::path(one.run) / "metrics.json", code)) continue;
      std::printf("%s\n", what.cell(row, seed).c_str());
      gates.push_back(attack_one(one, numbers, (fs::path(one.run) / "attack.json").string()));
    }
    table += "| " + what.rows[row].name + " | " + std::to_string(gates.size()) + " |";
    for (const int number : numbers)
      table +=
          " " + (gates.empty() ? std::string("not trained") : verdict_cell(judged(gates, number))) + " |";
    table += "\n";
  }
  table +=
      "\nThe gain of the attack that gains most, with a 95 % interval over gates, attackers, keys and "
      "samples.\n";
  spankey::write_file_atomically((folder / "attacks.md").string(), table, spankey::file_mode::shared);
  std::printf("\n%swrote %s\n", table.c_str(), printable((folder / "attacks.md").string()).c_str());
  return 0;
}

void declare_attack_flags(flag_set& flags, attack_options& request) {
  flags.add_option("RUN", request.run, "run folder, finished, gated; or the folder of a sweep of such runs")
      ->check(path_text("FOLDER"))
      ->required();
  flags
      .add_option("--open", request.open,
                  "run folder of the same network without its lock, for a run without keys")
      ->check(path_text("FOLDER"));
  std::string games;
  for (const game_title& game : program_games())
    games += (games.empty() ? "" : ", ") + std::to_string(game.number) + " " + std::string(game.title);
  flags.add_option("--games", request.games, "all, or some of " + games)->check(any_text("1,2,..."));
  flags
      .add_option("--budget", request.budget,
                  "quick (minutes), standard (within an hour for a small network), or long (the field's)")
      ->check(one_of({"quick", "standard", "long"}));
  flags.add_option("--seeds", request.seeds, "attackers, each with draws of his own")
      ->check(from_to<std::uint64_t>(1, 1000));
  flags.add_option("--data-root", request.data_root, "folder of the data sets")->check(path_text("FOLDER"));
  flags
      .add_option("--test-limit", request.test_limit,
                  "first test samples only, that decide; 0: as many as the budget says")
      ->check(allowed_for("test-limit"));
  flags.add_option("--threads", request.threads, "threads, 0: all")->check(allowed_for("threads"));
  flags
      .add_option("--out", request.out,
                  "results, to which further games and seeds are added (default: RUN/attack.json)")
      ->check(path_text("FILE"));
}

}  // namespace

int attack(const attack_options& request) {
  require_alone("attack");
  std::vector<int> numbers = game_numbers(request.games);
  std::error_code code;
  if (fs::exists(fs::path(request.run) / "experiment.json", code)) return attack_sweep(request, numbers);
  const std::string out =
      request.out.empty() ? (fs::path(request.run) / "attack.json").string() : request.out;
  if (!read_config((fs::path(request.run) / "config.json").string()).keyed()) {
    require_open(request);
    for (const game_title& game : program_games())
      if (game.needs_keys) std::erase(numbers, game.number);
  }
  if (numbers.empty()) fail("flag.206", "--games", "found only games about keys, for a run that takes none");
  print_columns();
  const attack_results results = attack_one(request, numbers, out);
  print_games(results, numbers);
  std::printf("wrote %s\n", printable(out).c_str());
  return 0;
}

program_command attack_entry() {
  return plain<attack_options, declare_attack_flags, attack>(
      "attack", "games against a run's gate: what each attack gains, within a budget");
}
