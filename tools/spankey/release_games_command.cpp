#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "command_line.hpp"
#include "commands.hpp"
#include "data_sets.hpp"
#include "processes.hpp"
#include "program_command.hpp"
#include "release_games.hpp"
#include "run_folder.hpp"
#include "settings.hpp"
#include "spankey/checkpoint/checkpoint_series.hpp"
#include "spankey/core/error.hpp"
#include "spankey/file/atomic_file.hpp"
#include "spankey/file/printable.hpp"

void declare_release_games_flags(flag_set& flags, release_games_options& request) {
  flags.add_option("RUN", request.run, "run folder of a network of tokens, finished, without keys")
      ->check(path_text("FOLDER"))
      ->required();
  flags.add_option("--schemes", request.schemes, "which schemes, with commas between them")
      ->check(one_of(release_game_schemes));
  flags.add_option("--games", request.games, "which games, with commas between them")
      ->check(one_of(release_game_list));
  flags.add_option("--order", request.order, "taylor, sums: of the series")
      ->check(from_to<std::int64_t>(0, 12));
  flags.add_option("--group", request.group, "sums: neurons of a group")->check(from_to<std::int64_t>(2, 4));
  flags.add_option("--share", request.share, "taylor, sums: of the neurons, those that become series")
      ->check(from_to(0.0, 1.0));
  flags.add_option("--seeds", request.seeds, "FE, FT: attackers that train")
      ->check(from_to<std::int64_t>(1, 1000));
  flags.add_option("--trials", request.trials, "PE, RI: releases of other coins")
      ->check(from_to<std::int64_t>(1, 10'000));
  flags
      .add_option("--windows", request.windows,
                  "windows of text that an attacker has: public, and of the task")
      ->check(from_to<std::int64_t>(8, 1 << 20));
  flags.add_option("--judged", request.judged, "windows that decide")
      ->check(from_to<std::int64_t>(1, 1 << 20));
  flags.add_option("--updates", request.updates, "of every training")
      ->check(from_to<std::int64_t>(1, 1 << 20));
  flags.add_option("--rate", request.rate, "learning rate of every training")->check(from_to(1e-9, 10.0));
  flags.add_option("--out", request.out, "results (default: RUN/release_games.json)")
      ->check(path_text("FILE"));
  flags.add_option("--data-root", request.data_root, "folder of the data sets")->check(path_text("FOLDER"));
  flags.add_option("--threads", request.threads, "threads, 0: all")->check(allowed_for("threads"));
}

int release_games(const release_games_options& request) {
  require_alone("release-games");
  namespace fs = std::filesystem;
  using spankey::fail;
  run_options options = read_config((fs::path(request.run) / "config.json").string());
  options.data_root = request.data_root;
  if (!spankey::checkpoints_in(request.run).empty())
    fail("flag.163", "RUN", "'", spankey::printable(request.run),
         "' holds checkpoints: its training is not finished");
  std::error_code code;
  if (options.keyed() || fs::exists(fs::path(request.run) / lock_file_name, code))
    fail("flag.237", "RUN", "found a run ", options.keyed() ? "with keys" : "that is locked",
         ", expected the open network that its owner has");
  if (!is_text(options.data))
    fail("flag.236", "RUN", "found ", options.model, ", expected a network that reads text");
  const std::string out =
      request.out.empty() ? (fs::path(request.run) / "release_games.json").string() : request.out;
  nlohmann::json rows = nlohmann::json::array();
  std::printf("%-10s %-4s %9s  %-18s %8s %8s %10s %7s\n", "scheme", "game", "advantage", "95 % interval",
              "with", "without", "found", "trials");
  release_games_on_cpu(options, request, [&](const spankey::release_advantage& p, double seconds) {
    std::printf("%-10s %-4s %9.3f  %6.3f to %-8.3f %8.3f %8.3f %10.3g %7lld\n", p.scheme.c_str(),
                p.game.c_str(), p.advantage, p.low, p.high, p.with, p.without, p.found,
                static_cast<long long>(p.trials));
    nlohmann::json strategies = nlohmann::json::array();
    for (const spankey::release_strategy& s : p.strategies) {
      std::printf("  %-12s KL %-10.3g won %-5.3g entries within 1 %% %.4f\n", s.name.c_str(), s.kl, s.wins,
                  s.share);
      strategies.push_back({{"name", s.name}, {"kl", s.kl}, {"wins", s.wins}, {"share", s.share}});
    }
    std::fflush(stdout);
    nlohmann::json row = {{"scheme", p.scheme},       {"game", p.game},
                          {"advantage", p.advantage}, {"interval", {p.low, p.high}},
                          {"with", p.with},           {"without", p.without},
                          {"found", p.found},         {"trials", p.trials},
                          {"seconds", seconds}};
    if (!strategies.empty()) row["strategies"] = std::move(strategies);
    rows.push_back(std::move(row));
  });
  std::printf(
      "PE, FE   share of trials won with the release, less that without; found: share of the entries, KL in "
      "nats\n"
      "RI       distance from a coin of how often the release's network was told\n"
      "FT       right answers of another task after fine-tuning the release, less the better of an oracle's "
      "student and scratch\n");
  const nlohmann::json all = {{"windows", request.windows},
                              {"updates", request.updates},
                              {"rate", request.rate},
                              {"order", request.order},
                              {"group", request.group},
                              {"share", request.share},
                              {"rows", rows}};
  spankey::write_file_atomically(out, all.dump(2) + "\n", spankey::file_mode::shared);
  std::printf("wrote %s\n", spankey::printable(out).c_str());
  return 0;
}

program_command release_games_entry() {
  return plain<release_games_options, declare_release_games_flags, release_games>(
      "release-games", "games about releases: what each scheme gives away, with intervals");
}
