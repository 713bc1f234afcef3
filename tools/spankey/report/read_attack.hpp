// What `attack` wrote, as the report shows it.
#pragma once

#include <string>
#include <vector>

#include "results.hpp"

/// The summary of an attack.json. Fails with report.103 to report.106.
std::vector<attacked_game> read_attack(const std::string& file);
