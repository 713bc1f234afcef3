#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <span>
#include <thread>

#include "attack.hpp"
#include "attack_share.hpp"
#include "experiment.hpp"
#include "json_text.hpp"
#include "pieces.hpp"
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

// A run under attack, and what this process has to do with it.
class attacked_cell {
 public:
  /// `title` is said before games are played. Fails as attack() does.
  attacked_cell(const attack_options& request, const std::vector<int>& numbers, const std::string& out,
                const std::string& title = {})
      : request_(request),
        title_(title),
        numbers_(numbers),
        out_(out),
        options_(read_config((fs::path(request.run) / "config.json").string())),
        share_(out, request) {
    options_.data_root = request.data_root;
    options_.test_limit = request.test_limit;
    for (const std::string& run : {request.run, request.open})
      if (!run.empty() && !spankey::checkpoints_in(run).empty())
        fail("flag.163", "RUN", "'", printable(run), "' holds checkpoints: its training is not finished");
    if (!options_.keyed()) {
      require_open(request);
      for (const game_title& game : program_games())
        if (game.needs_keys) std::erase(numbers_, game.number);
      if (numbers_.empty())
        fail("flag.206", "--games", "found only games about keys, for a run that takes none");
    }
    if (!request.open.empty() && options_.keyed())
      fail("flag.209", "--open", "found it for a run with keys, which open it");
    if (!request.open.empty() &&
        read_config((fs::path(request.open) / "config.json").string()).model != options_.model)
      fail("flag.166", "--open", "'", printable(request.open), "' is a run of another network");
  }

  [[nodiscard]] const std::vector<int>& numbers() const { return numbers_; }
  /// Games that nobody has played.
  std::size_t left() { return share_.left(numbers_); }
  [[nodiscard]] attack_results results() const { return earlier_results(out_, request_); }

  /// Plays what nobody has played and nobody is at work on, and writes it as it is found. False where there is none of it.
  bool play() {
    if (!share_.take_one(numbers_)) return false;
    if (!title_.empty()) std::printf("%s\n", title_.c_str());
    attack_results found = results();
    attack_on_cpu(options_, request_, numbers_, found,
                  {[](int number, std::uint64_t seed, const spankey::played_point& p) {
                     std::printf("%4d %4llu  %-44s %-26s %10g %9.4f %9.4f\n", number,
                                 static_cast<unsigned long long>(seed), p.attack.c_str(), p.unit.c_str(),
                                 p.budget, p.found.mean(), p.found.most());
                     std::fflush(stdout);
                   },
                   [this](int number, std::uint64_t seed, attack_results& so_far) {
                     return share_.takes(number, seed, so_far);
                   },
                   [this](attack_results& so_far) { share_.save(so_far); }});
    return true;
  }

 private:
  attack_options request_;
  std::string title_;
  std::vector<int> numbers_;
  std::string out_;
  run_options options_;
  attack_share share_;
};

// Until every game is played, by this process or by others that do the same.
void play_everything(std::span<const std::unique_ptr<attacked_cell>> cells) {
  constexpr std::chrono::milliseconds until_next_look{500};
  for (std::size_t waits_for = 0;;) {
    std::size_t left = 0;
    bool played = false;
    for (const auto& cell : cells) {
      if (cell->left() == 0) continue;
      played = cell->play() || played;
      left += cell->left();
    }
    if (left == 0) return;
    if (played) continue;
    if (left != waits_for) std::printf("waiting for %zu games that other processes are at work on\n", left);
    waits_for = left;
    std::fflush(stdout);
    std::this_thread::sleep_for(until_next_look);
  }
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
  std::vector<std::unique_ptr<attacked_cell>> cells;
  std::vector<std::size_t> gates;  // cells of a row
  for (std::size_t row = 0; row < what.rows.size(); ++row) {
    const std::size_t before = cells.size();
    for (const std::uint64_t seed : what.seeds) {
      attack_options one = request;
      one.run = (folder / "cells" / what.cell(row, seed)).string();
      std::error_code code;
      if (fs::exists(fs::path(one.run) / "metrics.json", code))
        cells.push_back(std::make_unique<attacked_cell>(
            one, numbers, (fs::path(one.run) / "attack.json").string(), what.cell(row, seed)));
    }
    gates.push_back(cells.size() - before);
  }
  print_columns();
  play_everything(cells);
  std::string table = "# " + what.title + ": games, budget " + request.budget + "\n\n| row | gates |",
              line = "|---|---|";
  for (const int number : numbers) {
    for (const game_title& game : program_games())
      if (game.number == number) table += " " + std::to_string(number) + " " + std::string(game.title) + " |";
    line += "---|";
  }
  table += "\n" + line + "\n";
  auto cell = cells.begin();
  for (std::size_t row = 0; row < what.rows.size(); ++row) {
    std::vector<attack_results> found;
    for (std::size_t gate = 0; gate < gates[row]; ++gate) found.push_back((*cell++)->results());
    table += "| " + what.rows[row].name + " | " + std::to_string(found.size()) + " |";
    for (const int number : numbers)
      table +=
          " " + (found.empty() ? std::string("not trained") : verdict_cell(judged(found, number))) + " |";
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
  const std::vector<int> numbers = game_numbers(request.games);
  std::error_code code;
  if (fs::exists(fs::path(request.run) / "experiment.json", code)) return attack_sweep(request, numbers);
  const std::string out =
      request.out.empty() ? (fs::path(request.run) / "attack.json").string() : request.out;
  const auto cell = std::make_unique<attacked_cell>(request, numbers, out);
  print_columns();
  play_everything({&cell, 1});
  print_games(cell->results(), cell->numbers());
  std::printf("wrote %s\n", printable(out).c_str());
  return 0;
}

program_command attack_entry() {
  return plain<attack_options, declare_attack_flags, attack>(
      "attack", "games against a run's gate: what each attack gains, within a budget");
}
