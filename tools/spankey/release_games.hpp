// `release-games`: the four games about releases, for every scheme, on a run of text (docs/release.md).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "run_options.hpp"
#include "spankey/attack/release_advantage.hpp"

class flag_set;

/// Of attack/release_games.hpp, in the order of the table.
inline const std::vector<std::string> release_game_schemes = {"identity", "taylor", "sums", "entangled",
                                                              "masked"};
inline const std::vector<std::string> release_game_list(spankey::release_game_names.begin(),
                                                        spankey::release_game_names.end());

struct release_games_options {
  std::string run, out, data_root = "data";
  std::vector<std::string> schemes = release_game_schemes, games = release_game_list;
  std::int64_t order = 8, group = 2, seeds = 5, trials = 20, windows = 32, judged = 50, updates = 60,
               threads = 0;
  double share = 0.7, rate = 1e-3;
};

/// Told of every game that was played, and how many seconds it took.
using told_release_game = std::function<void(const spankey::release_advantage&, double)>;

void release_games_on_cpu(const run_options& options, const release_games_options& request,
                          const told_release_game& told);

void declare_release_games_flags(flag_set& flags, release_games_options& request);

/// Prints a table and writes it as JSON. Fails with flag.236, flag.237, release.107.
int release_games(const release_games_options& request);
