// What `diagnose` asks of a gated run, and what it finds. Types stay where it is compiled (diagnose_on_cpu.cpp).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "run_options.hpp"
#include "spankey/diagnose/energy_split.hpp"
#include "spankey/diagnose/margin_tail.hpp"
#include "spankey/train/gate_report.hpp"

struct diagnose_options {
  std::string run, out, data_root = "data";
  std::int64_t keys = 1000, samples = 256, draws = 16;
  std::int64_t test_limit = 0, threads = 0;
};

/// Keys of one kind at one site: "valid", or a family of invalid keys.
struct energy_of_keys {
  std::string kind;
  spankey::energy_split split;
};
struct site_energy {
  int site = 0;
  spankey::index_t dimension = 0, size = 0;  // m, d
  std::vector<energy_of_keys> keys;
};

struct diagnosis {
  std::vector<site_energy> energy;
  spankey::margin_tail under_valid_keys, under_zero_keys;
  spankey::gate_report gate;  // gaussian keys, and angles of 10 to 80 degrees
};

/// Fails with flag.201 for a run without keys, with flag.202 for one of text, and as data sets and evaluations do.
diagnosis diagnose_on_cpu(const run_options& options, const diagnose_options& request);

/// Prints a page and writes diagnose.json.
int diagnose(const diagnose_options& request);
