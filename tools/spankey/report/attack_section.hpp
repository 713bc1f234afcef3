// The games that were played against a run's gate, as a part of its page: verdicts, right answers over the budgets, every number.
#pragma once

#include <string>
#include <vector>

#include "results.hpp"

/// Empty where none was played.
std::string attack_section(const std::vector<attacked_game>& games);
