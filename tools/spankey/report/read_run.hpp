// Reads a run folder: config.json, and log.jsonl and metrics.json where they are (a run that still trains has no
// metrics). Fails with report.1xx; see json_file.hpp.
#pragma once

#include <string>

#include "results.hpp"

/// `metrics`: the file of another evaluation (eval --families all), in place of the folder's metrics.json.
run_results read_run(const std::string& folder, const std::string& metrics = "");

/// The name of a folder, also of "." and of one that a slash ends.
std::string folder_name(const std::string& folder);
