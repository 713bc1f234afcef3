// The program's commands. Each returns the process's exit status.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "run_options.hpp"

/// A new run, or one that goes on where an interrupted one of the same configuration stopped.
enum class start_of_run { fresh, may_continue };

/// Trains, evaluates and writes the run folder.
int train(const run_options& options);

/// The same in a folder where the run may have begun before.
int train_or_continue(const run_options& options);

/// What `eval` may change against the run's own config.json.
struct eval_options {
  std::string run, data_root = "data";
  std::optional<std::int64_t> test_limit, eval_keys, eval_images;
  std::optional<std::string> families;
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

struct sweep_options {
  std::string file, out, data_root = "data";
  std::int64_t threads = 0;
};

/// Runs every cell of an experiment that is not finished yet, and writes their results.
int sweep(const sweep_options& options);
