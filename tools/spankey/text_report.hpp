// The result of an evaluation of a network of tokens: what metrics_report.hpp says of one of images.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "spankey/train/evaluate_text.hpp"

/// No key, valid keys, every family of invalid ones. Bits are those of a token, which is a byte; perplexity is 2^bits.
nlohmann::json to_json(const spankey::text_report& report);
/// The same as the text of metrics.json.
std::string metrics_text(const spankey::text_report& report);

/// The same as means alone: what a line of log.jsonl keeps of an epoch.
nlohmann::json means_of(const spankey::text_report& report);

/// A row per condition: bits and perplexity with and without the refusal, right answers, refusals; of several keys the worst,
/// too.
std::string table(const spankey::text_report& report);

/// What the table's columns mean, a line each; lines of at most 100 characters.
std::string text_table_legend();

/// One line of the terminal.
std::string line_of(const spankey::text_report& report);
