// An experiment: one file that names the runs of a table, and what was published for each.
//
//   { "name": "mnist_mode_b", "title": "...", "source": "...", "seeds": [1, 2, 3],
//     "flags": {"data": "mnist", "epochs": 20},                          of every run, by the names of the flags
//     "rows": [ {"name": "m 4", "flags": {"subspace-dim": 4}, "published": {"valid_key": 0.9924}} ],
//     "grid": {"gamma": [0.25, 0.5], "deny": ["B", "C"]} }               one more row for each combination
// A row is run once a seed: a cell. The file is refused (experiment.1xx) before anything runs.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "run_options.hpp"

struct experiment_row {
  std::string name;
  nlohmann::json flags;      // what sets this row apart
  nlohmann::json published;  // semantic accuracy by condition; null where nothing was published
};

struct experiment {
  std::string name, title, source;
  std::vector<std::uint64_t> seeds;
  nlohmann::json flags;
  std::vector<experiment_row> rows;

  /// "m-4-seed1": the name of a cell's folder, unique in the experiment.
  [[nodiscard]] std::string cell(std::size_t row, std::uint64_t seed) const;
  /// The run of one cell, every flag checked. Fails with experiment.1xx, config.1xx or flag.1xx.
  [[nodiscard]] run_options options(std::size_t row, std::uint64_t seed) const;
};

/// Reads and checks a whole experiment; `file` names it in errors.
experiment parse_experiment(const std::string& text, const std::string& file);
