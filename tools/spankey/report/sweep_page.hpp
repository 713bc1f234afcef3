// The page of a sweep: its rows as bars, beside what was published, curves over single flags, what ran, and every
// number of results.json in a table.
#pragma once

#include <string>

#include "results.hpp"

/// `cells` is the relative URL of the folder of the runs, with a slash at its end.
std::string sweep_page(const sweep_results& sweep, const std::string& cells);
