// What `attack` asks of a run, and what it finds. Types stay where it is compiled (attack_on_cpu.cpp).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "run_options.hpp"

/// What may be trained, and what is put before the layers.
inline const std::vector<std::string> attack_targets = {"maps", "everything"};
inline const std::vector<std::string> inserted_names = {"stitch", "affine", "accessory"};

struct attack_options {
  std::string run, open;  // folders: of the network that is attacked, and of the same without its lock
  std::string data_root = "data", out;
  std::vector<std::int64_t> samples = {64, 500, 3000};
  std::vector<std::string> what = attack_targets;
  std::string insert = "stitch", statistics = "running";
  std::vector<double> rates = {1e-4, 1e-3, 1e-2};
  std::uint64_t updates = 1000, seeds = 1;
  std::int64_t test_limit = 0, threads = 0;
};

/// One attack with so many labelled samples: accuracies on the test samples, a refusal left out of account.
struct attack_row {
  std::string what;
  std::int64_t samples = 0;
  std::uint64_t seed = 0;
  double accuracy = 0, rate = 0;
  double floor = 0;  // from scratch with the same samples
};

struct attack_report {
  double closed = 0, open = 0;  // of the network as it is handed out, and with its secret
  std::vector<attack_row> rows;
};

/// Calls told(row) for every row as it is found.
/// Fails with flag.165 for a run of text, and as training and data sets do.
attack_report attack_on_cpu(const run_options& options, const attack_options& request,
                            const std::function<void(const attack_report&, const attack_row&)>& told);

/// Attacks a run, prints a table and writes attack.json. Fails with flag.163, flag.165, flag.166.
int attack(const attack_options& request);
