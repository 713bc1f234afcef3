// What `relearn` asks of a run, and what it finds. Types stay where it is compiled (attack_on_cpu.cpp).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "run_options.hpp"

/// What may be done, what is put before the layers, and where maps that are learnt begin.
inline const std::vector<std::string> relearn_targets = {"maps", "everything", "layerwise", "spectral",
                                                         "moments"};
inline const std::vector<std::string> inserted_names = {"stitch", "affine", "accessory"};
inline const std::vector<std::string> start_names = {"identity", "spectral", "moments"};

struct relearn_options {
  std::string run, open;  // folders: of the network that is attacked, and of the same without its lock
  std::string data_root = "data", out;
  std::vector<std::int64_t> samples = {64, 500, 3000};
  std::vector<std::string> what = {"maps", "everything"}, layers;
  std::string insert = "stitch", statistics = "running", start = "identity", floors;
  std::int64_t unlabelled = 256;
  std::uint64_t steps = 200;  // of maps that are estimated
  bool recalibrate = false, orthogonal = false, norms = false, permuted = false, augment = false;
  std::vector<double> rates = {1e-4, 1e-3, 1e-2};
  std::uint64_t updates = 1000, seeds = 1;
  std::int64_t test_limit = 0, threads = 0;
};

/// One attack with so many labelled samples: accuracies on the test samples, a refusal left out of account.
struct relearn_row {
  std::string what;
  std::int64_t samples = 0;
  std::uint64_t seed = 0;
  double accuracy = 0, rate = 0;
  double floor = 0;              // from scratch with the same samples
  std::vector<double> errors{};  // without labels, of every locked layer, where the open network is known

  /// Nothing is learnt from labels: no floor, and no rate.
  [[nodiscard]] bool is_estimate() const { return what == "spectral" || what == "moments"; }
};

/// A floor that was found before.
struct known_floor {
  std::int64_t samples = 0;
  std::uint64_t seed = 0;
  double accuracy = 0;
};

struct relearn_report {
  double closed = 0, open = 0;  // of the network as it is handed out, and with its secret
  std::vector<relearn_row> rows;
};

/// Calls told(row) for every row as it is found. A floor that is not among `floors` is found.
/// Fails with flag.165 for a run of text, flag.192 for layers that have no place for a map, flag.193 for masked locks where maps are
/// estimated, flag.195 where the program has no Eigen, and as training and data sets do.
relearn_report relearn_on_cpu(const run_options& options, const relearn_options& request,
                              const std::vector<known_floor>& floors,
                              const std::function<void(const relearn_report&, const relearn_row&)>& told);

/// Attacks a run, prints a table and writes relearn.json. Fails with flag.163, flag.165, flag.166, flag.190 to
/// flag.194.
int relearn_run(const relearn_options& request);
