// What a report shows: the results of a run, or of a sweep of runs over rows and seeds, as read from their files.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "spankey/train/metrics.hpp"

/// Names and values, both as text, in the file's order.
using shown_settings = std::vector<std::pair<std::string, std::string>>;

/// One figure (semantic, masked, ...) of one condition.
struct figure_value {
  double mean = 0;
  std::optional<spankey::interval> bounds = std::nullopt;
  std::optional<double> worst = std::nullopt;  // of a run's keys
  std::vector<double> seeds = {};              // of a sweep's runs
};

/// What the network answers to no key, valid keys, or one family of invalid keys.
struct condition_result {
  std::string name, label;  // "invalid key, gaussian" and, where there is little room, "gaussian"
  bool invalid = false;
  struct sample {
    std::int64_t keys, images_per_key, distinct_images;
  };
  std::optional<sample> seen = std::nullopt;
  std::array<std::optional<figure_value>, spankey::figure_names.size()> figures{};
  std::optional<double> published = std::nullopt;  // semantic accuracy
  std::int64_t not_finite = 0;                     // answers that were NaN or infinity; they count as refused
  std::optional<double> weak = std::nullopt;       // share of valid keys that do not work
};

/// Shares over the angle between a key and the span, in degrees.
struct acceptance_curve {
  std::vector<double> angle;
  std::array<std::vector<double>, spankey::figure_names.size()> figures;
};

/// What log.jsonl holds of a step and of an epoch; NaN where it has no number.
enum class curve { loss, cross_entropy, deny, accuracy, learning_rate, gradient_norm };
inline constexpr std::array curve_keys = {"loss", "ce", "deny", "accuracy", "lr", "gradient_norm"};
using curve_values = std::array<double, curve_keys.size()>;

struct logged_step {
  std::int64_t epoch, step;
  curve_values values;
};
struct logged_epoch {
  std::int64_t epoch;
  curve_values values;
  double seconds, images_per_second;
};
/// The gate on the test images after an epoch (--eval-every): means of figures by condition.
struct logged_gate {
  std::int64_t epoch;
  std::vector<condition_result> conditions;
};
struct training_log {
  std::vector<logged_step> steps;
  std::vector<logged_epoch> epochs;
  std::vector<logged_gate> gates;
};

/// One budget of one attack of a game (docs/attacks.md): shares of right answers, and what was gained.
struct attacked_point {
  std::string attack, unit;
  double budget = 0;
  bool decides = true;
  double right = 0, worst = 0, open = 0, floor = 0;
  std::optional<double> gain, low, high;  // none where there was nothing to gain
  std::vector<std::pair<std::string, std::optional<double>>> measures;  // what was found beside the answers
};
struct attacked_game {
  std::int64_t number = 0;
  std::string title, verdict;
  std::size_t best = 0;  // the point that gains most
  std::vector<attacked_point> points;
};

/// Of a diagnosis: samples in the order of their predicted share of answers that noise on the key turns, in groups of as many; means.
struct turned_answers {
  std::string base;  // under which keys
  double predicted = 0, measured = 0;
  std::vector<std::array<double, 2>> groups;  // predicted, measured
};

struct run_results {
  std::string name;
  shown_settings config;
  std::optional<training_log> log;
  bool evaluated = false;  // whether there is a metrics.json
  std::vector<condition_result> conditions;
  std::optional<double> absorption;
  std::optional<acceptance_curve> acceptance;
  std::vector<attacked_game> games;    // of its attack.json
  std::vector<turned_answers> turned;  // of its diagnose.json
};

struct sweep_row {
  std::string name;
  shown_settings flags;    // what the row sets
  shown_settings options;  // all that its runs were given, where their files say so
  std::int64_t finished = 0;
  std::vector<std::string> cells;
  std::vector<condition_result> conditions;
  std::optional<figure_value> absorption;
};

struct sweep_results {
  std::string name, title, source;
  std::vector<std::string> seeds;
  std::vector<sweep_row> rows;
};
