// What the finished cells of a sweep say together: results.json, results.csv and results.md.
//
// A row's figure is the mean over its seeds, with the 95 % interval of that mean (Student's t) and every value. Nothing
// in these files depends on when or how often the sweep was interrupted.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "experiment.hpp"

/// Reads cells/*/metrics.json of a sweep folder; rows without a finished cell have no metrics. Fails with
/// sweep.104 for a file that is no finished run's, with sweep.105 where the cells of a row differ in their families.
nlohmann::json collect_results(const experiment& what, const std::filesystem::path& folder);

/// A line per cell and condition: row, seed, condition, then the figures.
std::string results_as_csv(const nlohmann::json& results, const experiment& what,
                           const std::filesystem::path& folder);

/// A table a row: semantic accuracy beside the published one, then what the refusals hide.
std::string results_as_markdown(const nlohmann::json& results);
