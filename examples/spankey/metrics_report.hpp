// The result of an evaluation as metrics.json and as a table.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "spankey/train/evaluate.hpp"

nlohmann::json to_json(const spankey::gate_report& report);

/// A row per condition: semantic, masked, calibrated accuracy and reject share, mean and worst key.
std::string table(const spankey::gate_report& report);
