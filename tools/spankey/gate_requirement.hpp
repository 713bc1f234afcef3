// What a gate has to keep, as text, checked against the figures of an evaluation:
//
//   'masked<=.2, valid>=.9, angle@45.reject>=.95, valid.masked.worst>=.8'
//   each      NAME OP NUMBER            OP one of <= >= < >
//   NAME      CONDITION.FIGURE          none, valid, wrong (the worst of all families), or one family as it was evaluated
//             FIGURE                    the worst of no key and of all families
//             valid                     valid.semantic
//   FIGURE    semantic, masked, calibrated, reject: the mean over keys; with .worst behind it the worst key's
// The worst of a refusal is the lowest, of the others the highest. What is no number keeps nothing.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "run_options.hpp"

struct gate_requirement {
  std::string text;       // as it was given
  std::string condition;  // "none", "valid", "wrong", a family; empty: none and wrong
  std::string figure;
  bool worst_key = false;
  bool at_least = false, strictly = false;
  double bound = 0;
};

/// All of a text, for a run whose evaluation is that of `options`. Fails with flag.141 for what cannot be read, and for a
/// condition that the evaluation does not have.
std::vector<gate_requirement> gate_requirements(const std::string& text, const run_options& options);

/// What `metrics` (metrics.json) says of each, a line each on stdout, of those not kept on stderr: true where all are kept.
bool keeps(const std::vector<gate_requirement>& requirements, const nlohmann::json& metrics);

/// The process's exit status where a gate does not keep what was required of it.
inline constexpr int gate_fails = 3;

/// 0 or gate_fails, of the text and of the figures in a metrics.json.
int gate_status(const run_options& options, const std::string& metrics_file);
