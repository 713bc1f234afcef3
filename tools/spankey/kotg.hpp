// `spankey kotg`: K-OTG on a run of text, its claims and attacks (docs/kotg.md). An experiment's file says which of them, and how
// the adapters are trained; types stay where it is compiled (kotg_on_cpu.cpp).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "run_options.hpp"

inline const std::vector<std::string> kotg_claims = {"utility", "matrix",     "collapse", "nonces",
                                                     "blocks",  "throughput", "rotation"};
inline const std::vector<std::string> kotg_attacks = {"hook",     "zero",  "probe",
                                                      "finetune", "guess", "procrustes"};

/// How adapters are trained, and what they are asked: the members of an experiment's file of the same names.
struct kotg_training {
  std::int64_t prompts = 20'000;  // a role; of sums four times as many (role_tasks::shares)
  std::int64_t batch = 64, rank = 32;
  std::uint64_t steps = 5000, seed = 0;
  double alpha = 64, rate = 2e-3;
  std::string precision = "fp32";  // of activations while adapters are trained; they are floats

  friend bool operator==(const kotg_training&, const kotg_training&) = default;
};

struct kotg_options {
  std::string file, run, key, text, out;
  std::int64_t threads = 0;
  std::string name;
  std::vector<std::string> claims, attacks;
  kotg_training training{};
  std::int64_t held_out = 200;  // prompts a role
  int reflections = 8;
  // Of attacks: how many prompts with their answers somebody has, updates at each rate, answers that a guess is tried on.
  std::vector<std::int64_t> demonstrations = {1, 8, 64, 512};
  std::uint64_t updates = 200;
  std::int64_t known = 8;
};

/// One figure: what was found, and where something is expected of it, what, and whether it is met.
struct kotg_figure {
  std::string of, what;
  double found = 0;
  std::string expected;
  std::optional<bool> met;
};
using kotg_told = std::function<void(const kotg_figure&)>;

/// Trains the adapters in --out that are not there yet, and calls told(figure) for every figure of the file. Fails as training,
/// loading and lock/kotg.hpp do.
void kotg_on_cpu(const run_options& base, const kotg_options& request, const kotg_told& told);

/// Prints a table and writes OUT/kotg_NAME.json. Fails with flag.170 to flag.174.
int kotg(kotg_options request);
