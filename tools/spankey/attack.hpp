// What `attack` asks of a gated run, and what it finds. Types stay where it is compiled (attack_on_cpu.cpp).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "run_options.hpp"
#include "spankey/attack/judged_game.hpp"

struct attack_options {
  std::string run, open;  // folders; open: the same network without its lock, where the run takes no keys
  std::string games = "all", budget = "quick", out, data_root = "data";
  std::uint64_t seeds = 1;  // of attackers
  std::int64_t test_limit = 0, threads = 0;
};

/// A game that the program plays.
struct game_title {
  int number;
  std::string_view title;
  bool needs_keys;  // not played against locked networks
};
/// In the order of their numbers.
std::vector<game_title> program_games();

/// What one attacker did in one game.
struct seed_game {
  int number = 0;
  std::uint64_t seed = 0;
  double seconds = 0;
  spankey::played_game points;
};
/// What one attacker is measured by: valid keys, and networks from scratch by their number of labelled samples.
struct seed_base {
  std::uint64_t seed = 0;
  spankey::utility open;
  std::map<std::int64_t, spankey::utility> floors;
};

struct attack_results {
  std::int64_t classes = 0;
  std::vector<seed_game> games;
  std::vector<seed_base> seeds;

  [[nodiscard]] const seed_game* played(int number, std::uint64_t seed) const {
    for (const seed_game& g : games)
      if (g.number == number && g.seed == seed) return &g;
    return nullptr;
  }
  /// Takes over what it does not have, in the order of seeds and games: whoever played what, the same results.
  void add(const attack_results& others);
};

/// A game as all attackers of one or several gates played it. Fails with attack.128 where they played other points, or none.
spankey::judged_game judged(std::span<const attack_results> gates, int number);
/// "held", "lost", "not decided".
std::string_view name_of_verdict(spankey::verdict_of_game verdict);

/// attack.json: what was played, and what it comes to. Figures are rounded first, so that a game that was read from a file
/// weighs as much as one that has just been played.
std::string attack_text(const attack_results& results, const attack_options& request);
/// What an earlier call found and wrote to `file`; nothing where there is none. Fails with flag.207 for a file of another budget, or
/// that is none of attack.
attack_results earlier_results(const std::string& file, const attack_options& request);

/// What is told while games are played.
struct attack_progress {
  std::function<void(int number, std::uint64_t seed, const spankey::played_point&)> on_point;
  /// Before each: whether this process is to play it. What others have found meanwhile is added.
  std::function<bool(int number, std::uint64_t seed, attack_results&)> takes;
  std::function<void(attack_results&)> on_game;  // after each: what there is so far; the same is added
};

/// Plays the games of `numbers` that are not among `results`, and adds them; a run without keys has request.open. Fails with flag.205 for
/// one of text, and as data sets and training do.
void attack_on_cpu(const run_options& options, const attack_options& request, const std::vector<int>& numbers,
                   attack_results& results, const attack_progress& progress);

/// Plays, prints a table and writes attack.json; of a sweep, in every finished cell, and attacks.md. Interrupted, the same command goes on;
/// started several times, its games are shared out (attack_share.hpp).
/// Fails with flag.163, flag.166, flag.204 to flag.209.
int attack(const attack_options& request);
