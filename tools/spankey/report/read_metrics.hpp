// What metrics.json says of a run and results.json of the runs of a row: the same conditions, with a Wilson
// interval and the worst key there, with the spread over the seeds here.
//
//   { "no_key": CONDITION, "valid_key": CONDITION, "invalid_key": { family: CONDITION, ... },
//     "absorption": ..., "acceptance": { "angle": [...], figure: [...], ... } }        any part may be absent
//
// An "invalid_key" that is one CONDITION is of the family that the caller names.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "json_file.hpp"
#include "results.hpp"

/// `family` names an "invalid_key" that names none itself.
std::vector<condition_result> read_conditions(const json_entry& metrics, const std::string& family);

/// A figure that need not be a share: the absorption index.
figure_value read_figure(const json_entry& entry);

std::optional<acceptance_curve> read_acceptance(const json_entry& metrics);

/// Adds semantic accuracies { "no_key": x, "valid_key": x, "invalid_key": x } to their conditions; the one of
/// invalid keys belongs to gaussian ones, where there are several families.
void add_published(const json_entry& published, std::vector<condition_result>& conditions);

/// Members of an object as text: 2, 0.5, true, mul; an array as its elements with commas.
shown_settings read_settings(const json_entry& object);
