// The result of an evaluation as metrics.json and as a table.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "spankey/train/evaluate.hpp"

/// No key, valid keys, every family of invalid ones; the absorption index, and acceptance against the angle to the span
/// where angles were evaluated. `classes` semantic classes.
nlohmann::json to_json(const spankey::gate_report& report, spankey::index_t classes);
/// The same as the text of metrics.json.
std::string metrics_text(const spankey::gate_report& report, spankey::index_t classes);

/// The same as means alone: what a line of log.jsonl keeps of an epoch.
nlohmann::json means_of(const spankey::gate_report& report);

/// "gaussian", "angle@20": a family as metrics.json names it.
std::string spelled_rule(const spankey::invalid_rule& rule);

/// A row per condition: semantic, masked, calibrated accuracy and reject share, mean and worst key ("-" of one key).
std::string table(const spankey::gate_report& report);

/// What the table's columns mean, a line each, and how to read a gate from them; lines of at most 100 characters.
std::string table_legend();

/// One line of the terminal.
std::string line_of(const spankey::gate_report& report);
