// Reads a sweep folder: results.json, and experiment.json and the cells' config.json where they are. Fails with
// report.1xx; see json_file.hpp.
#pragma once

#include <string>

#include "results.hpp"

sweep_results read_sweep(const std::string& folder);
