// The program's commands. Each returns the process's exit status.
#pragma once

#include <optional>
#include <string>

#include "run_options.hpp"

/// Trains, evaluates and writes the run folder.
int train(const run_options& options);

/// What `eval` may change against the run's own config.json.
struct eval_options {
  std::string run;
  std::optional<std::string> data;
  std::optional<std::int64_t> test_limit, eval_keys, eval_images;
  std::optional<std::string> invalid;
  std::int64_t threads = 0;
  std::string out;  // default: RUN/metrics.json
};

/// Evaluates a finished run from its files alone.
int evaluate(const eval_options& options);

/// What `report` shows, and where the page goes.
struct report_options {
  std::string folder;  // of a run or of a sweep
  std::string out;     // default: FOLDER/report.html
};

/// Writes the results of a run or a sweep as one page of HTML.
int report(const report_options& request);

/// Prints what would run: kernels, threads, model, memory plan; with `measure` also the memory that one step takes.
int describe_run(const run_options& options, bool measure);
